/** Keeps what requests are made with out of all that a provider says in words, wherever a server or a library has put it. */
import type { ImplementationOf } from "../contract.ts";
import type { EndpointStatus, ModelFailure, provider } from "../contracts/provider.ts";
import { errorMessage } from "../error.ts";
import type { ProviderContext } from "./endpoint.ts";
import { spokenForms, withoutForms } from "./spoken-forms.ts";
import type { Fetch } from "./watch.ts";

type Provider = ImplementationOf<typeof provider>;
type Plain = (text: string) => string;

/** Credentials in use are few; those that were replaced are kept for answers that are still under way. */
const MOST_KEPT = 64;
/** Headers that say nothing in confidence, and are told in messages. Any other may, as operators name them as they like. */
const OPEN =
  /^(accept|amz-sdk|anthropic-|connection|content-|date|editor-|host|range|user-agent|x-request-id|x-amz-(content|date|target|user-agent))/i;
const TELLING = /auth|key|token|secret|password|signature/i;

/**
 * `make` gets the context with a `fetch` that remembers what each request carries in confidence: in its headers, and in its address. What the
 * provider then says of failures, statuses and progress, and what it throws, holds none of it, plain or encoded. A model's words are its own.
 */
export function confidential<Config>(ctx: ProviderContext<Config>, make: (ctx: ProviderContext<Config>) => Provider): Provider {
  const { learn, plain } = createSecrets();
  const { endpoints, models, stream, answer, probe, embed, pull } = make({
    get config() {
      return ctx.config;
    },
    clock: ctx.clock,
    fetch(input, init) {
      learn(input, init);
      return ctx.fetch(input, init);
    },
    secret: (name) => ctx.secret(name),
  });
  const safely = async <T>(work: Promise<T>, told: (value: T) => T): Promise<T> => {
    try {
      return told(await work);
    } catch (error) {
      throw inPlainWords(error, plain);
    }
  };
  const answered = <T extends Ending>(ending: T): T => plainEnding(ending, plain);
  return {
    endpoints: (...args) =>
      safely(endpoints(...args), (found) => ({ endpoints: found.endpoints.map((status) => plainStatus(status, plain)) })),
    models: (...args) => safely(models(...args), (found) => found),
    stream: (...args) => plainStream(stream(...args), answered, plain),
    ...(answer && { answer: (...args) => safely(answer(...args), answered) }),
    ...(probe && { probe: (...args) => safely(probe(...args), answered) }),
    ...(embed && { embed: (...args) => safely(embed(...args), answered) }),
    ...(pull && { pull: (...args) => plainStream(pull(...args), answered, plain, (step) => ({ ...step, status: plain(step.status) })) }),
  };
}

function createSecrets(): { learn(...request: Parameters<Fetch>): void; readonly plain: Plain } {
  /** By what was sent; what was sent last comes last. */
  const known = new Map<string, readonly string[]>();
  const keep = (value: string) => {
    if (value === "") return;
    const forms = known.get(value);
    if (forms !== undefined) {
      // What is in use stays, however much else comes by.
      known.delete(value);
      known.set(value, forms);
      return;
    }
    const [oldest] = known.keys();
    if (known.size >= MOST_KEPT && oldest !== undefined) known.delete(oldest);
    // Of `Bearer abc` the second word is the secret, and of `Basic …` what it says.
    const words = [value, ...value.split(/\s+/)];
    const spelt = /^Basic\s+(\S+)$/i.exec(value)?.[1];
    const inside = spelt === undefined ? [] : Buffer.from(spelt, "base64").toString().split(":");
    known.set(value, [...words, ...inside].flatMap(spokenForms));
  };
  return {
    learn(input, init) {
      const headers = init?.headers ?? (input instanceof Request ? input.headers : {});
      const named = headers instanceof Headers || Array.isArray(headers) ? headers : Object.entries(headers);
      for (const [name, value] of named as Iterable<readonly [string, string]>) if (!OPEN.test(name)) keep(value);
      const address = input instanceof Request ? input.url : String(input);
      if (!/[@?]/.test(address)) return;
      const { password, searchParams } = URL.parse(address) ?? { password: "", searchParams: new URLSearchParams() };
      keep(decodeURIComponent(password));
      for (const [name, value] of searchParams) if (TELLING.test(name)) keep(value);
    },
    plain: (text) => withoutForms(text, [...known.values()].flat()),
  };
}

interface Ending {
  readonly failure?: ModelFailure;
}

function plainEnding<T extends Ending>(ending: T, plain: Plain): T {
  const { failure } = ending;
  if (failure === undefined) return ending;
  const told = { ...ending, failure: { ...failure, message: plain(failure.message) } };
  const { message } = told as { readonly message?: { readonly errorMessage?: string } };
  return message?.errorMessage === undefined ? told : { ...told, message: { ...message, errorMessage: plain(message.errorMessage) } };
}

const plainStatus = (status: EndpointStatus, plain: Plain): EndpointStatus =>
  status.detail === undefined ? status : { ...status, detail: plain(status.detail) };

/** The error itself where there is nothing to hide. */
function inPlainWords(error: unknown, plain: Plain): unknown {
  const said = errorMessage(error);
  const told = plain(said);
  return told === said ? error : new Error(told);
}

/** Not a generator of its own, which would take a step more for every token. */
function plainStream<Item, Result>(
  stream: AsyncGenerator<Item, Result, void>,
  ending: (result: Result) => Result,
  plain: Plain,
  each?: (item: Item) => Item,
): AsyncGenerator<Item, Result, void> {
  const after = async (step: Promise<IteratorResult<Item, Result>>): Promise<IteratorResult<Item, Result>> => {
    try {
      const found = await step;
      if (found.done === true) return { done: true, value: found.value === undefined ? found.value : ending(found.value) };
      return each ? { done: false, value: each(found.value) } : found;
    } catch (error) {
      throw inPlainWords(error, plain);
    }
  };
  const told: AsyncGenerator<Item, Result, void> = {
    next: () => after(stream.next()),
    return: (value) => after(stream.return(value)),
    throw: (error) => after(stream.throw(error)),
    [Symbol.asyncIterator]: () => told,
    [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose](),
  };
  return told;
}
