/** A scripted GitHub Copilot: its API of Chat Completions and models behind sessions, and GitHub beside it. */
import type { Exchange } from "@pincer/plugin-sdk/testing/http-server";
import { sse, startScriptedVendor } from "@pincer/plugin-sdk/testing/scripted-vendor";
import type { ScriptedVendor, VendorAnswer, VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";
import { chatEvents } from "../openai/chat.ts";
import { createGitHub, type GitHub, type GitHubOptions } from "./github.ts";

type Json = Readonly<Record<string, unknown>>;

interface CopilotVendor extends ScriptedVendor {
  readonly github: GitHub;
  /** How often the list was asked for. */
  readonly lists: () => number;
  /** Lists that are asked for from now on are answered with this status. */
  refuseLists(status: number): void;
}

const model = (id: string, supports: Json, more: Json = {}, limits: Json = { max_context_window_tokens: 200_000 }) => ({
  ...{ id, name: id.toUpperCase(), object: "model", vendor: "Test", version: id, preview: false },
  ...{ model_picker_enabled: true, policy: { state: "enabled" } },
  capabilities: { type: "chat", family: id, tokenizer: "o200k_base", limits, supports: { streaming: true, tool_calls: true, ...supports } },
  ...more,
});

const copilotModels = [
  model("gpt-test", { vision: true, parallel_tool_calls: true, reasoning_effort: ["low", "medium", "high"] }, { is_chat_default: true }),
  model(
    "claude-test",
    { vision: true, max_thinking_budget: 32_000, min_thinking_budget: 1024 },
    { supported_endpoints: ["/chat/completions", "/v1/messages"] },
    { max_context_window_tokens: 200_000, max_prompt_tokens: 128_000, max_output_tokens: 16_000 },
  ),
  model("plain-test", { tool_calls: false }),
  model("codex-test", {}, { supported_endpoints: ["/responses"] }),
  model("hidden-test", {}, { model_picker_enabled: false }),
  model("forbidden-test", {}, { policy: { state: "disabled" } }),
  { ...model("embedding-test", {}), capabilities: { type: "embeddings", family: "embedding-test", tokenizer: "cl100k_base", limits: {} } },
];

const plainError = (exchange: Exchange, status: number, text: string) =>
  exchange.send(status, text, { "content-type": "text/plain; charset=utf-8" });

/** What its API refuses of any request, in its own words; `undefined`: it is taken. */
function refusalOf({ headers, body }: Exchange, github: GitHub): { readonly status: number; readonly text: string } | undefined {
  const session = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "")?.[1] ?? "";
  if (!github.isOpen(session)) return { status: 401, text: "unauthorized: token expired\n" };
  if (!headers.has("editor-version")) return { status: 400, text: "bad request: missing Editor-Version header for IDE auth\n" };
  if (headers.get("copilot-integration-id") !== "vscode-chat") return { status: 400, text: "bad request: unknown integration\n" };
  if (body.includes('"image_url"') && headers.get("copilot-vision-request") !== "true")
    return { status: 400, text: "bad request: missing required Copilot-Vision-Request header for vision requests\n" };
  return undefined;
}

/** Its own names for thinking and the proof of it. */
function events(answer: VendorAnswer, call: VendorCall) {
  const { steps, end } = chatEvents(answer, call);
  const delta = (fields: Json) => sse({ id: "chatcmpl-scripted", choices: [{ index: 0, delta: fields, finish_reason: null }] });
  return {
    steps: steps.map((told, at) => {
      const step = answer.steps?.[at];
      if (step && "redacted" in step) return [delta({ reasoning_opaque: step.redacted })];
      const named = told.map((event) => event.replace('"reasoning_content"', '"reasoning_text"'));
      return step && "thinking" in step && step.signature !== undefined ? [...named, delta({ reasoning_opaque: step.signature })] : named;
    }),
    end,
  };
}

export function startCopilotVendor(options: GitHubOptions = {}): CopilotVendor {
  const github = createGitHub(options);
  let lists = 0;
  let listStatus = 200;
  let origin = "";
  const vendor = startScriptedVendor({
    keepAlive: ": keep-alive\n\n",
    errorEvent: () => sse({ error: { message: "The server had an error.", type: "server_error", code: "server_error" } }),
    errorBody: ({ code = "", message }) => JSON.stringify({ error: { message, code } }),
    events,
    other(exchange) {
      if (github.answer(exchange, origin)) return true;
      const refusal = refusalOf(exchange, github);
      if (refusal) plainError(exchange, refusal.status, refusal.text);
      else if (exchange.path === "/models") {
        lists += 1;
        exchange.send(listStatus, JSON.stringify({ object: "list", data: listStatus === 200 ? copilotModels : [] }));
      } else return false;
      return true;
    },
  });
  ({ origin } = vendor);
  const refuseLists = (status: number) => {
    listStatus = status;
  };
  return Object.assign(vendor, { github, lists: () => lists, refuseLists });
}
