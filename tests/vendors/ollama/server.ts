/** A scripted Ollama: what it answers in a conversation is the test's; its list of models, what it says of them and how it fetches one are its own. */
import type { Exchange } from "@pincer/plugin-sdk/testing/http-server";
import { isToolCall, startScriptedVendor, stopOf } from "@pincer/plugin-sdk/testing/scripted-vendor";
import type { AnswerStep, ScriptedVendor, VendorAnswer, VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";

type Json = Readonly<Record<string, unknown>>;

interface OllamaModelScript {
  readonly capabilities?: readonly string[];
  readonly contextLength?: number;
  /** The parameters of its Modelfile, as `/api/show` prints them. */
  readonly parameters?: string;
  readonly family?: string;
  /** Of a model that runs in the vendor's cloud. */
  readonly remoteHost?: string;
  readonly digest?: string;
  /** What it is loaded with; absent: it is not. */
  readonly loaded?: number;
  /** The server cannot describe it. */
  readonly isBroken?: boolean;
}

export interface OllamaVendorOptions {
  /** By name, with tag. */
  readonly models?: Readonly<Record<string, OllamaModelScript>>;
  /** Which words for thinking it knows; absent: all. */
  readonly knows?: "before-max" | "switch";
  /** What it takes of context when nobody says; few, as on a machine without a large graphics card. */
  readonly usualContext?: number;
  /** Waits for this in the middle of every pull. */
  readonly holdPull?: Promise<void>;
}

interface OllamaVendor extends ScriptedVendor {
  /** What it has, by name; a test may change that. */
  readonly models: Map<string, OllamaModelScript>;
  /** Requests that were no conversation: `GET /api/tags`. */
  readonly asked: readonly string[];
  /** Resolves once so many of that request have come. */
  askedFor(request: string, times: number): Promise<void>;
  /** How many conversations the server refused before a model was asked. */
  refused(): number;
  /** Resolves once so many clients have gone away in the middle of a pull. */
  gone(times: number): Promise<void>;
}

const line = (value: unknown): string => `${JSON.stringify(value)}\n`;
const answerTo = (exchange: Exchange, status: number, value: unknown): true => {
  exchange.send(status, JSON.stringify(value), { "content-type": "application/json; charset=utf-8" });
  return true;
};
const withTag = (name: string): string => (name.includes(":") ? name : `${name}:latest`);
const argumentsOf = (json: string): unknown => JSON.parse(json === "" ? "{}" : json);

function chatLines(answer: VendorAnswer, { body }: VendorCall) {
  const { steps = [], usage = { input: 10, output: 5 } } = answer;
  const said = (message: Json, more: Json = { done: false }) =>
    line({
      model: body.model,
      created_at: "2026-11-20T00:00:00.000000Z",
      message: { role: "assistant", content: "", ...message },
      ...more,
    });
  const calls = steps.filter(isToolCall);
  const step = (one: AnswerStep): readonly string[] => {
    if ("text" in one) return one.text.map((content) => said({ content }));
    if ("thinking" in one) return one.thinking.map((thinking) => said({ thinking }));
    if (!("toolCall" in one)) return [];
    const { id, name, arguments: json } = one.toolCall;
    return [said({ tool_calls: [{ id, function: { index: calls.indexOf(one), name, arguments: argumentsOf(json) } }] })];
  };
  const counts = {
    total_duration: 5_000_000,
    prompt_eval_count: usage.input + (usage.cacheRead ?? 0) + (usage.cacheWrite ?? 0),
    eval_count: usage.output,
  };
  const end = said({}, { done: true, done_reason: stopOf(answer) === "length" ? "length" : "stop", ...counts });
  return { steps: steps.map(step), end: [end] };
}

/** The same in one piece. */
function chatWhole(answer: VendorAnswer, call: VendorCall): string {
  const { steps, end } = chatLines(answer, call);
  const lines = [...steps.flat(), ...end].map((text) => JSON.parse(text) as { readonly message: Json });
  const joined = (field: string) => lines.map(({ message }) => message[field] ?? "").join("");
  const calls = lines.flatMap(({ message }) => (message["tool_calls"] as readonly Json[] | undefined) ?? []);
  const message = {
    role: "assistant",
    content: joined("content"),
    ...(joined("thinking") === "" ? {} : { thinking: joined("thinking") }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  return JSON.stringify({ ...lines.at(-1), message });
}

const described = (name: string, { capabilities, contextLength, parameters, family = "llama", remoteHost, digest }: OllamaModelScript) => ({
  listed: {
    ...{ name, model: name, modified_at: "2026-11-01T00:00:00Z", size: 4_000_000_000, digest: digest ?? `sha256:${name}` },
    ...{ details: { format: "gguf", family, parameter_size: "8.0B", quantization_level: "Q4_0" } },
    ...(remoteHost === undefined ? {} : { remote_host: remoteHost, remote_model: name }),
  },
  shown: {
    ...{ details: { format: "gguf", family }, capabilities },
    ...(parameters === undefined ? {} : { parameters }),
    ...(remoteHost === undefined ? {} : { remote_host: remoteHost }),
    model_info: { "general.architecture": family, ...(contextLength === undefined ? {} : { [`${family}.context_length`]: contextLength }) },
  },
});

export function startOllamaVendor(options: OllamaVendorOptions = {}): OllamaVendor {
  const { knows, usualContext = 4096, holdPull } = options;
  const models = new Map(Object.entries(options.models ?? {}));
  const asked: string[] = [];
  const waiting: { readonly request: string; readonly times: number; readonly resolve: () => void }[] = [];
  const departures: (() => void)[] = [];
  let left = 0;
  let refusals = 0;

  const isAsked = (request: string, times: number) => asked.filter((one) => one === request).length >= times;
  const note = (request: string) => {
    asked.push(request);
    for (const one of waiting) if (isAsked(one.request, one.times)) one.resolve();
  };

  /** What the server refuses before a model is asked; false: nothing. */
  const refuses = (exchange: Exchange): boolean => {
    const {
      model = "",
      think,
      tools,
      options: set,
      truncate,
      shift,
      messages,
    } = JSON.parse(exchange.body) as Json & {
      readonly model?: string;
      readonly options?: { readonly num_ctx?: number };
    };
    const known = models.get(withTag(model));
    if (!known) return models.size > 0 && answerTo(exchange, 404, { error: `model '${model}' not found` });
    const { capabilities = [] } = known;
    if (knows === "before-max" && think === "max") {
      return answerTo(exchange, 400, { error: 'invalid think value: "max" (must be "high", "medium", "low", true, or false)' });
    }
    if (knows === "switch" && typeof think === "string") {
      return answerTo(exchange, 400, { error: "json: cannot unmarshal string into Go struct field ChatRequest.think of type bool" });
    }
    if (think !== undefined && think !== false && !capabilities.includes("thinking")) {
      return answerTo(exchange, 400, { error: `"${model}" does not support thinking` });
    }
    if (tools !== undefined && !capabilities.includes("tools")) {
      return answerTo(exchange, 400, { error: `registry.ollama.ai/library/${withTag(model)} does not support tools` });
    }
    const [, own] = /^num_ctx\s+(\d+)/m.exec(known.parameters ?? "") ?? [];
    const length = Math.min(set?.num_ctx ?? Number(own ?? usualContext), known.contextLength ?? Number.POSITIVE_INFINITY);
    const fits = JSON.stringify(messages).length / 4 <= length;
    if (fits || truncate !== false || shift !== false) return false;
    return answerTo(exchange, 400, {
      error: "the prompt is longer than the context length currently available to the model; shorten the prompt, or use another model",
    });
  };

  const pull = async (exchange: Exchange): Promise<void> => {
    const { model = "" } = JSON.parse(exchange.body) as { readonly model?: string };
    let present = true;
    void exchange.left.then(() => {
      present = false;
      left++;
      for (const look of departures) look();
    });
    exchange.begin(200, { "content-type": "application/x-ndjson" });
    const tell = (value: unknown) => exchange.write(Buffer.from(line(value)));
    await tell({ status: "pulling manifest" });
    if (model.startsWith("unknown")) {
      await tell({ error: "pull model manifest: file does not exist" });
      return exchange.end();
    }
    const part = (digest: string, total: number, completed?: number) =>
      tell({ status: `pulling ${digest}`, digest: `sha256:${digest}`, total, ...(completed === undefined ? {} : { completed }) });
    await part("aaaa", 1000);
    await part("aaaa", 1000, 400);
    if (holdPull) await Promise.race([holdPull, exchange.left]);
    if (!present) return;
    await part("aaaa", 1000, 1000);
    await part("bbbb", 200, 200);
    for (const status of ["verifying sha256 digest", "writing manifest"]) await tell({ status });
    models.set(withTag(model), { capabilities: ["completion", "tools"], contextLength: 8192 });
    await tell({ status: "success" });
    exchange.end();
  };

  const vendor = startScriptedVendor({
    // It sends none; an empty line is the least that a reader must bear.
    keepAlive: "\n",
    wire: { contentType: "application/x-ndjson", encode: (event) => Buffer.from(event) },
    malformed: "{this is no JSON\n",
    errorEvent: () => line({ error: "an error was encountered while running the model" }),
    errorBody: ({ message, code }) => JSON.stringify({ error: message, ...(code === undefined ? {} : { signin_url: code }) }),
    events: chatLines,
    whole: chatWhole,
    other(exchange) {
      const { method, path } = exchange;
      if (path === "/api/chat") {
        const isRefused = refuses(exchange);
        if (isRefused) refusals++;
        return isRefused;
      }
      note(`${method} ${path}`);
      const all = [...models].map(([name, script]) => [name, described(name, script)] as const);
      if (path === "/api/version") return answerTo(exchange, 200, { version: "0.19.0" });
      if (path === "/api/tags") return answerTo(exchange, 200, { models: all.map(([, { listed }]) => listed) });
      if (path === "/api/ps") {
        const running = [...models].flatMap(([name, { loaded }]) =>
          loaded === undefined ? [] : [{ name, model: name, context_length: loaded }],
        );
        return answerTo(exchange, 200, { models: running });
      }
      const {
        model = "",
        input = [],
        dimensions,
      } = JSON.parse(exchange.body || "{}") as {
        readonly model?: string;
        readonly input?: readonly string[];
        readonly dimensions?: number;
      };
      if (path === "/api/pull") {
        void pull(exchange);
        return true;
      }
      const found = all.find(([name]) => name === withTag(model));
      if (models.get(withTag(model))?.isBroken) return answerTo(exchange, 500, { error: "unexpected EOF" });
      if (path === "/api/show") return answerTo(exchange, found ? 200 : 404, found?.[1].shown ?? { error: `model '${model}' not found` });
      if (path !== "/api/embed") return answerTo(exchange, 404, { error: "404 page not found" });
      if (!found) return answerTo(exchange, 404, { error: `model "${model}" not found, try pulling it first` });
      if (input.some((text) => text.length > 1000))
        return answerTo(exchange, 400, { error: "the input length exceeds the context length" });
      const embeddings = input.map((text, at) => [text.length / 64, at].slice(0, dimensions));
      return answerTo(exchange, 200, { model, embeddings, prompt_eval_count: input.join("").length });
    },
  });
  return Object.assign(vendor, {
    ...{ models, asked },
    askedFor: (request: string, times: number) =>
      isAsked(request, times) ? Promise.resolve() : new Promise<void>((resolve) => void waiting.push({ request, times, resolve })),
    refused: () => refusals,
    gone: (times: number) =>
      new Promise<void>((resolve) => {
        const look = () => left >= times && resolve();
        departures.push(look);
        look();
      }),
  });
}
