/** What went wrong with a model call, in the classes that failover and users act on. */
import type { FailureClass, ModelFailure } from "../contracts/provider.ts";
import { errorMessage, hasCode, isGatewayError } from "../error.ts";
import type { Ended } from "./watch.ts";

/** A quota of a day is back within one; whoever asks for more waits for nothing that a server can know. */
const LONGEST_WAIT_MS = 86_400_000;

/** A wait that a vendor asks for, in whole milliseconds from none to a day; `undefined` for what is no number. */
export const waitOf = (ms: number): number | undefined =>
  Number.isNaN(ms) ? undefined : Math.round(Math.min(Math.max(ms, 0), LONGEST_WAIT_MS));

/** The wait that a vendor asks for, from `retry-after-ms` or `retry-after` (seconds or a date); milliseconds, a day at most. */
export function retryAfterMs(headers: Headers | undefined, now: number): number | undefined {
  const exact = Number(headers?.get("retry-after-ms") ?? Number.NaN);
  if (exact >= 0) return waitOf(exact);
  const value = headers?.get("retry-after")?.trim();
  if (!value) return undefined;
  const seconds = Number(value);
  return waitOf(Number.isNaN(seconds) ? Date.parse(value) - now : seconds * 1000);
}

/** The class of an HTTP status, when the vendor says nothing more exact. */
export function classOfStatus(status: number): FailureClass {
  if (status === 401 || status === 403) return "auth";
  if (status === 402) return "billing";
  if (status === 408 || status === 504) return "timeout";
  if (status === 413) return "context-overflow";
  if (status === 429) return "rate-limit";
  if (status === 503 || status === 529) return "overloaded";
  if (status >= 500) return "network";
  return status >= 400 ? "bad-request" : "unknown";
}

/**
 * Vendors and local servers tell of a full context window, an unusable image or an empty account in words alone. Their words are
 * matched here and nowhere else; a text that is not known changes nothing.
 */
const WORDS: readonly (readonly [FailureClass, RegExp])[] = [
  [
    "context-overflow",
    /context[ _]?(length|window|size)|prompt is too long|too many (input )?tokens|maximum context|exceeds? (the )?(model's )?(limit|context|maximum number of tokens)|input is too long|reduce the length/i,
  ],
  [
    "image",
    /image (exceeds|dimension|too large|media type|format|size|could not be processed)|could not process image|unable to process input image|invalid image/i,
  ],
  ["billing", /credit balance|insufficient[ _](quota|credits?|funds|balance)|billing|payment required|exceeded your current quota/i],
];

export const classOfWords = (message: string): FailureClass | undefined => WORDS.find(([, words]) => words.test(message))?.[0];

/** Messages go to users and logs: a key that a vendor repeats in its answer does not, nor the password of an address. */
export const withoutKeys = (message: string): string =>
  message.replace(/\b(sk-|key-|pk-|AIza|gh[opsu]_)[A-Za-z0-9_*.-]{6,}/g, "$1…").replace(/:\/\/[^/?#\s@]*:[^/?#\s]*@/g, "://…@");

const LONGEST_MESSAGE = 500;

/** What a vendor said, fit to be shown: without keys, and not a whole page of a proxy in between. */
export function plainMessage(message: string): string {
  const text = /^\s*(\d{3}\s+)?<(!doctype|html)/i.test(message)
    ? "a web page came instead of an answer"
    : withoutKeys(message).replace(/\s+/g, " ").trim();
  return text.length <= LONGEST_MESSAGE ? text : `${text.slice(0, LONGEST_MESSAGE).toWellFormed()}…`;
}

/** A failure of an HTTP answer. `class` says what the vendor's own code means, where it has one. */
export function httpFailure(
  status: number,
  message: string,
  options: { readonly class?: FailureClass | undefined; readonly headers?: Headers | undefined; readonly now: number },
): ModelFailure {
  const wait = retryAfterMs(options.headers, options.now);
  const plain = classOfStatus(status);
  const worded = plain === "bad-request" || plain === "rate-limit" ? classOfWords(message) : undefined;
  return {
    class: options.class ?? worded ?? plain,
    message: plainMessage(message),
    status,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  };
}

/** An error and what caused it, outermost first: client libraries wrap what `fetch` throws. */
function chainOf(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  for (let at = error; typeof at === "object" && at !== null && !chain.includes(at); at = (at as { cause?: unknown }).cause) chain.push(at);
  return chain;
}

const codeOf = (error: unknown): string => {
  const codes = chainOf(error).map((one) => (one as { code?: unknown }).code);
  return (codes.find((code) => typeof code === "string" && code !== "") as string | undefined) ?? "";
};

/** An event that is no JSON, not of the shape that it must have, or without end. */
const isMisread = (error: unknown): boolean =>
  error instanceof SyntaxError || error instanceof RangeError || (error instanceof TypeError && codeOf(error) === "");

/** A failure below HTTP: no connection, a name that does not resolve, a stream that broke or cannot be read. `address` is told to people. */
export function networkFailure(error: unknown, address: string): ModelFailure {
  const where = withoutKeys(address);
  const chain = chainOf(error);
  // Our own refusal, such as a host that the manifest does not name, is no fault of the network.
  const refusal = chain.find(isGatewayError);
  if (refusal) return { class: hasCode(refusal, "PROVIDER_REDIRECTED") ? "network" : "bad-request", message: refusal.message };
  const code = codeOf(error);
  const said = plainMessage(errorMessage(chain.at(-1) ?? error));
  if (/refused/i.test(code)) return { class: "network", message: `nothing answers at ${where}: the connection was refused` };
  if (/ENOTFOUND|EAI_AGAIN|DNS/i.test(code)) return { class: "network", message: `the name in ${where} does not resolve` };
  if (/timed?_?out/i.test(code)) return { class: "timeout", message: `${where} did not answer in time` };
  if (isMisread(error)) return { class: "network", message: `${where} sent something that cannot be read as an answer (${said})` };
  return { class: "network", message: `the connection to ${where} broke: ${said}${code === "" ? "" : ` (${code})`}` };
}

/** What a request came to that its watch has ended, of itself. `where` is told to people, and `what` was asked. */
export function endedFailure(ended: Exclude<Ended, "aborted">, where: string, what: string): ModelFailure {
  const place = withoutKeys(where);
  if (ended === "silent") return { class: "timeout", message: `${place} sent nothing for too long while ${what} was answering` };
  if (ended === "late") return { class: "timeout", message: `${place} took too long for the answer of ${what}` };
  return { class: "unknown", message: `${place} sent more for ${what} than an answer may have` };
}

/** The stream ended, and quietly, before the answer did. */
export const cutOffFailure = (where: string, model: string): ModelFailure => ({
  class: "network",
  message: `the stream of ${withoutKeys(where)} ended before the answer of ${model} did`,
});

/** `said`: the vendor's reason, where it gives one. */
export const refusalFailure = (model: string, said = `${model} refused to answer`): ModelFailure => ({ class: "refusal", message: said });
