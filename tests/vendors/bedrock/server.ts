/** A scripted Bedrock: Converse and ConverseStream of its runtime, and the lists of models and profiles, signed or with an API key. */
import type { Exchange } from "@pincer/plugin-sdk/testing/http-server";
import { pieces, sse, startScriptedVendor, stopOf } from "@pincer/plugin-sdk/testing/scripted-vendor";
import type { AnswerStep, ScriptedVendor, VendorAnswer, VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";
import { CONTENT_TYPE, eventFrame, exceptionFrame } from "./event-stream.ts";
import { modelSummaries, profileSummaries } from "./models.ts";
import { type Account, faultOf } from "./signature.ts";

const STOP = { stop: "end_turn", length: "max_tokens", toolUse: "tool_use", refusal: "content_filtered" } as const;
const TYPES: Readonly<Record<number, string>> = {
  400: "ValidationException",
  403: "AccessDeniedException",
  404: "ResourceNotFoundException",
  408: "ModelTimeoutException",
  424: "ModelErrorException",
  429: "ThrottlingException",
  500: "InternalServerException",
  503: "ServiceUnavailableException",
};

export interface BedrockVendorOptions {
  readonly region?: string;
  readonly accounts?: Readonly<Record<string, Account>>;
  readonly apiKeys?: readonly string[];
  /** Whoever is known may ask models alone, and see no list. */
  readonly hidesLists?: boolean;
}

/** Who is known when a test says nothing else. */
export const ACCOUNT = { accessKeyId: "AKIATESTTESTTESTTEST", secretAccessKey: "secret/of+the/test" };

/** The text of an event; on the wire it is a frame. `exception:` in front of its name makes it one of those. */
const event = (type: string, fields: Readonly<Record<string, unknown>>) => sse({ ...fields, p: "abcdefghijkl" }, type);
const base64 = (text: string) => Buffer.from(text).toString("base64");

/** `bytes:` and base64: those bytes as they stand. */
function encode(text: string): Uint8Array {
  if (text.startsWith("bytes:")) return Buffer.from(text.slice("bytes:".length), "base64");
  const [, type = "", payload = ""] = /^event: (.*)\ndata: (.*)\n\n$/s.exec(text) ?? [];
  return type.startsWith("exception:") ? exceptionFrame(type.slice("exception:".length), payload) : eventFrame(type, payload);
}

function block(step: AnswerStep, contentBlockIndex: number): readonly string[] {
  const start = (fields: unknown) => event("contentBlockStart", { contentBlockIndex, start: fields });
  const delta = (fields: unknown) => event("contentBlockDelta", { contentBlockIndex, delta: fields });
  const stop = event("contentBlockStop", { contentBlockIndex });
  // Only a tool's block is announced.
  if ("text" in step || "refusal" in step) return [...("text" in step ? step.text : step.refusal).map((text) => delta({ text })), stop];
  if ("thinking" in step) {
    const signature = step.signature === undefined ? [] : [delta({ reasoningContent: { signature: step.signature } })];
    return [...step.thinking.map((text) => delta({ reasoningContent: { text } })), ...signature, stop];
  }
  if ("redacted" in step) return [delta({ reasoningContent: { redactedContent: base64(step.redacted) } }), stop];
  const { id, name, arguments: json } = step.toolCall;
  return [start({ toolUse: { toolUseId: id, name } }), ...["", ...pieces(json)].map((input) => delta({ toolUse: { input } })), stop];
}

const countsOf = ({ usage = { input: 10, output: 5 } }: VendorAnswer) => ({
  inputTokens: usage.input,
  outputTokens: usage.output,
  totalTokens: usage.input + usage.output + (usage.cacheRead ?? 0) + (usage.cacheWrite ?? 0),
  cacheReadInputTokens: usage.cacheRead ?? 0,
  cacheWriteInputTokens: usage.cacheWrite ?? 0,
});
const stopReasonOf = (answer: VendorAnswer) =>
  answer.stop === undefined || answer.stop in STOP ? STOP[stopOf(answer)] : (answer.stop as string);

function events(answer: VendorAnswer) {
  const { steps = [] } = answer;
  const start = event("messageStart", { role: "assistant" });
  return {
    steps: steps.map((step, index) => [...(index === 0 ? [start] : []), ...block(step, index)]),
    end: [
      ...(steps.length === 0 ? [start] : []),
      event("messageStop", { stopReason: stopReasonOf(answer) }),
      event("metadata", { metrics: { latencyMs: 42 }, usage: countsOf(answer) }),
    ],
  };
}

function whole(answer: VendorAnswer): string {
  const content = (answer.steps ?? []).map((step) => {
    if ("text" in step) return { text: step.text.join("") };
    if ("refusal" in step) return { text: step.refusal.join("") };
    if ("redacted" in step) return { reasoningContent: { redactedContent: base64(step.redacted) } };
    if ("thinking" in step) {
      const signed = step.signature === undefined ? {} : { signature: step.signature };
      return { reasoningContent: { reasoningText: { text: step.thinking.join(""), ...signed } } };
    }
    const { id: toolUseId, name, arguments: json } = step.toolCall;
    return { toolUse: { toolUseId, name, input: JSON.parse(json || "{}") } };
  });
  const said = { metrics: { latencyMs: 42 }, stopReason: stopReasonOf(answer), usage: countsOf(answer) };
  return JSON.stringify({ ...said, output: { message: { role: "assistant", content } } });
}

const refuse = (exchange: Exchange, status: number, type: string, message: string): true => {
  exchange.send(status, JSON.stringify({ message }), {
    "content-type": "application/json",
    "x-amzn-errortype": `${type}:http://internal.amazon.com/`,
  });
  return true;
};

/** Whether it was answered already: as nobody who is known, or with a list. */
function other(exchange: Exchange, options: BedrockVendorOptions): boolean {
  const { region = "us-east-1", apiKeys = [], hidesLists } = options;
  const accounts = options.accounts ?? { [ACCOUNT.accessKeyId]: ACCOUNT };
  const { method, path, headers } = exchange;
  const bearer = /^Bearer (.*)$/.exec(headers.get("authorization") ?? "")?.[1];
  if (bearer !== undefined && !apiKeys.includes(bearer))
    return refuse(exchange, 403, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.");
  const fault = bearer === undefined ? faultOf(exchange, { service: "bedrock", region, accounts, now: Date.now() }) : undefined;
  if (fault) return refuse(exchange, 403, fault.type, fault.message);
  const [resource = ""] = path.split("?");
  if (method === "POST" && /^\/model\/[^/]+\/converse(-stream)?$/.test(resource)) return false;
  const lists: Readonly<Record<string, unknown>> = {
    "/foundation-models": { modelSummaries },
    "/inference-profiles": {
      inferenceProfileSummaries: profileSummaries(path.includes("nextToken=")),
      ...(path.includes("nextToken=") ? {} : { nextToken: "more+/=" }),
    },
  };
  if (method !== "GET" || !Object.hasOwn(lists, resource))
    return refuse(exchange, 404, "UnknownOperationException", `There is no ${method} ${resource}`);
  if (hidesLists) {
    const action = resource === "/foundation-models" ? "ListFoundationModels" : "ListInferenceProfiles";
    const said = `User: arn:aws:iam::123456789012:user/test is not authorized to perform: bedrock:${action} on resource: *`;
    return refuse(exchange, 403, "AccessDeniedException", said);
  }
  exchange.send(200, JSON.stringify(lists[resource]));
  return true;
}

export const startBedrockVendor = (options: BedrockVendorOptions = {}): ScriptedVendor =>
  startScriptedVendor({
    // There is none: what comes closest is an event that nobody has heard of.
    keepAlive: event("ping", {}),
    errorEvent: () => sse({ message: "Bedrock is unable to process your request." }, "exception:serviceUnavailableException"),
    errorBody: ({ message }) => JSON.stringify({ message }),
    errorHeaders: ({ status, code }) => ({
      "x-amzn-errortype": `${code ?? TYPES[status] ?? "InternalServerException"}:http://internal.amazon.com/coral/com.amazon.bedrock/`,
      "x-amzn-requestid": "00000000-0000-0000-0000-000000000001",
    }),
    events,
    whole,
    asksWhole: ({ path }: VendorCall) => path.endsWith("/converse"),
    wire: { contentType: CONTENT_TYPE, encode },
    other: (exchange) => other(exchange, options),
  });
