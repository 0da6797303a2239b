/** A scripted server of the Gemini API: `streamGenerateContent`, `batchEmbedContents`, and the list of models. */
import type { Exchange } from "@pincer/plugin-sdk/testing/http-server";
import { isToolCall, sse, startScriptedVendor, stopOf } from "@pincer/plugin-sdk/testing/scripted-vendor";
import type { AnswerStep, ScriptedVendor, VendorAnswer, VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";
import { refusalOf } from "./rules.ts";

const FINISH = { stop: "STOP", length: "MAX_TOKENS", toolUse: "STOP", refusal: "SAFETY" } as const;
const STATUSES: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

type Json = Readonly<Record<string, unknown>>;
const google = (name: string) => `type.googleapis.com/google.rpc.${name}`;

/** `code` is the reason that the vendor gives among the details, `param` the time after which it says to ask again, such as `22s`. */
const errorBody = ({ status, code, param, message }: NonNullable<VendorAnswer["error"]>) =>
  JSON.stringify({
    error: {
      code: status,
      message,
      status: STATUSES[status] ?? "UNKNOWN",
      details: [
        ...(code === undefined ? [] : [{ "@type": google("ErrorInfo"), reason: code, domain: "googleapis.com" }]),
        ...(param === undefined ? [] : [{ "@type": google("RetryInfo"), retryDelay: param }]),
      ],
    },
  });

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // silent-ok: that it is none is the answer
    return false;
  }
};

/** Its arguments are values, so that a call which the model wrote wrongly never comes. */
const isWritten = (step: AnswerStep): boolean => !isToolCall(step) || step.toolCall.arguments === "" || isJson(step.toolCall.arguments);

function events(answer: VendorAnswer, call: VendorCall) {
  const { steps = [], usage = { input: 10, output: 5 } } = answer;
  const model = /models\/([^:]+):/.exec(call.path)?.[1] ?? "";
  const counts = { promptTokenCount: usage.input + (usage.cacheRead ?? 0) };
  const chunk = (candidate: Json, usageMetadata: Json = counts) =>
    sse({ candidates: [{ ...candidate, index: 0 }], usageMetadata, modelVersion: model, responseId: "scripted" });
  const part = (one: Json) => chunk({ content: { parts: [one], role: "model" } });

  /** What only the vendor can read is on the call that it led to, or else on a part without text. */
  const sealOf = (at: number) => {
    const before = steps[at - 1];
    return before && "redacted" in before ? { thoughtSignature: before.redacted } : {};
  };
  const step = (one: AnswerStep, at: number): readonly string[] => {
    if ("text" in one) return one.text.map((text) => part({ text }));
    if ("refusal" in one) return one.refusal.map((text) => part({ text }));
    if ("thinking" in one) {
      const proof = one.signature === undefined ? {} : { thoughtSignature: one.signature };
      return one.thinking.map((text, n) => part({ text, thought: true, ...(n === one.thinking.length - 1 ? proof : {}) }));
    }
    if ("redacted" in one) {
      const next = steps[at + 1];
      return next && isToolCall(next) ? [] : [part({ text: "", thoughtSignature: one.redacted })];
    }
    if (!isWritten(one)) return [];
    const { id, name, arguments: json } = one.toolCall;
    return [part({ functionCall: { id, name, ...(json === "" ? {} : { args: JSON.parse(json) as unknown }) }, ...sealOf(at) })];
  };
  const stop = stopOf(answer);
  const misspelt = steps.every(isWritten) || answer.stop !== undefined ? undefined : "MALFORMED_FUNCTION_CALL";
  const end = chunk(
    {
      content: { parts: [{ text: "" }], role: "model" },
      finishReason: misspelt ?? (stop in FINISH ? FINISH[stop] : stop),
      ...(misspelt === undefined ? {} : { finishMessage: "Malformed function call: print(default_api" }),
    },
    {
      ...counts,
      candidatesTokenCount: usage.output,
      totalTokenCount: counts.promptTokenCount + usage.output,
      ...(usage.cacheRead === undefined ? {} : { cachedContentTokenCount: usage.cacheRead }),
    },
  );
  return { steps: steps.map(step), end: [end] };
}

/** Listed a page at a time. */
const geminiModels = [
  {
    name: "models/gemini-3.8-flash",
    displayName: "Gemini 3.8 Flash",
    inputTokenLimit: 1_048_576,
    outputTokenLimit: 65_536,
    thinking: true,
  },
  { name: "models/gemini-3.1-flash-image", displayName: "Nano Banana 2", inputTokenLimit: 65_536, outputTokenLimit: 65_536 },
  {
    name: "models/gemini-2.5-flash",
    displayName: "Gemini 2.5 Flash",
    inputTokenLimit: 1_048_576,
    outputTokenLimit: 65_536,
    thinking: true,
  },
  { name: "models/gemini-embedding-001", displayName: "Gemini Embedding 001", inputTokenLimit: 2048, outputTokenLimit: 1 },
];
const methodsOf = ({ name }: (typeof geminiModels)[number]) =>
  name.includes("embedding") ? ["embedContent"] : ["generateContent", "countTokens", "createCachedContent"];

function answerList(exchange: Exchange): void {
  const query = new URLSearchParams(exchange.path.split("?")[1]);
  const from = Number(query.get("pageToken") ?? 0);
  const size = Math.min(Number(query.get("pageSize") ?? 50), 2);
  const models = geminiModels.slice(from, from + size).map((model) => ({ ...model, supportedGenerationMethods: methodsOf(model) }));
  const next = from + size < geminiModels.length ? { nextPageToken: String(from + size) } : {};
  exchange.send(200, JSON.stringify({ models, ...next }));
}

/** A vector says how long the text is, and where it was asked. */
function answerEmbeddings(exchange: Exchange): void {
  const { requests } = JSON.parse(exchange.body) as {
    requests: readonly { content: { parts: readonly [{ text: string }] }; outputDimensionality?: number }[];
  };
  if (exchange.path.includes("limited")) {
    exchange.send(429, errorBody({ status: 429, param: "3.5s", message: "You exceeded your current quota." }));
  } else if (requests.length > 100) {
    exchange.send(
      400,
      errorBody({ status: 400, message: "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch" }),
    );
  } else {
    const embeddings = requests.map(({ content: { parts }, outputDimensionality }, at) => ({
      values: [parts[0].text.length / 64, at].slice(0, outputDimensionality),
    }));
    exchange.send(200, JSON.stringify({ embeddings, usageMetadata: { promptTokenCount: requests.length } }));
  }
}

export const startGeminiVendor = (): ScriptedVendor =>
  startScriptedVendor({
    keepAlive: ": keep-alive\n\n",
    errorEvent: () => sse(JSON.parse(errorBody({ status: 503, message: "The model is overloaded. Please try again later." }))),
    errorBody,
    events,
    other(exchange) {
      const { headers, path, body } = exchange;
      const refuse = (error: NonNullable<VendorAnswer["error"]>) => exchange.send(error.status, errorBody(error));
      if (headers.get("x-goog-api-key") === "misspelt") {
        refuse({ status: 400, code: "API_KEY_INVALID", message: "API key not valid. Please pass a valid API key." });
      } else if (!headers.has("x-goog-api-key") && !headers.has("authorization")) {
        refuse({ status: 403, message: "Method doesn't allow unregistered callers (callers without established identity)." });
      } else if (/^\/v1beta\/models(\?|$)/.test(path)) answerList(exchange);
      else if (path.endsWith(":batchEmbedContents")) answerEmbeddings(exchange);
      else {
        const message = refusalOf(JSON.parse(body || "{}") as Json, path);
        if (message === undefined) return false;
        refuse({ status: 400, message });
      }
      return true;
    },
  });
