import { type StartPluginOptions, startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { type ProviderSuite, providerSuite } from "@pincer/plugin-sdk/testing/provider-suite";
import type { VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";
import { startOpenAiVendor } from "../../tests/vendors/openai/server.ts";

type Json = Readonly<Record<string, unknown>>;

/** The same endpoint in both of its ways of speaking. */
const served = (api: "chat" | "responses") => ({
  startVendor: startOpenAiVendor,
  startPlugin: (origin: string, options: Pick<StartPluginOptions, "mode" | "clock">, idleTimeoutMs: number) =>
    startPlugin(import.meta.dir, {
      ...options,
      config: { idleTimeoutMs, endpoints: { lab: { baseUrl: `${origin}/v1`, api, key: "key-of-the-lab", models: ["gpt-5.6-sol"] } } },
    }),
  model: "lab/gpt-5.6-sol",
});

const failures: ProviderSuite["failures"] = [
  {
    title: "a key that is not accepted",
    error: { status: 401, code: "invalid_api_key", message: "Incorrect API key provided" },
    class: "auth",
  },
  { title: "a key that may not use the model", error: { status: 403, message: "Project does not have access" }, class: "auth" },
  {
    title: "too many requests",
    error: { status: 429, code: "rate_limit_exceeded", message: "Rate limit reached for gpt-test", headers: { "retry-after-ms": "1500" } },
    class: "rate-limit",
    retryAfterMs: 1500,
  },
  {
    title: "too many requests until a date",
    error: { status: 429, message: "Slow down, please", headers: { "retry-after": "Fri, 20 Nov 2026 00:01:00 GMT" } },
    class: "rate-limit",
    retryAfterMs: 60_000,
    dated: true,
  },
  {
    title: "an empty account",
    error: { status: 429, code: "insufficient_quota", message: "You exceeded your current quota" },
    class: "billing",
  },
  { title: "an account without credit", error: { status: 402, message: "Insufficient credits for this request" }, class: "billing" },
  { title: "a fault at the vendor", error: { status: 500, code: "server_error", message: "The server had an error" }, class: "network" },
  { title: "an overloaded vendor", error: { status: 503, message: "The engine is currently overloaded" }, class: "overloaded" },
  {
    title: "a conversation that is too long",
    error: { status: 400, code: "context_length_exceeded", message: "Your input exceeds the context window" },
    class: "context-overflow",
  },
  {
    title: "a conversation that is too long for a server without codes",
    error: { status: 400, message: "This model's maximum context length is 8192 tokens" },
    class: "context-overflow",
  },
  {
    title: "an image that cannot be used",
    error: { status: 400, code: "invalid_image_format", message: "You uploaded an unsupported image" },
    class: "image",
  },
  { title: "a bad request", error: { status: 400, message: "Unknown parameter: 'colour'" }, class: "bad-request" },
  {
    title: "a model that does not exist",
    error: { status: 404, code: "model_not_found", message: "The model `x` does not exist" },
    class: "bad-request",
  },
];

const messagesOf = ({ body }: VendorCall) => body.messages as readonly Json[];
const inputOf = ({ body }: VendorCall) => body.input as readonly Json[];
const contentParts = (items: readonly Json[]) =>
  items.flatMap(({ content, output }) => [content, output].flatMap((one) => (Array.isArray(one) ? (one as readonly Json[]) : [])));
/** Chat Completions names a tool in an object of its own, Responses beside the type. */
const choiceOf = (choice: Json | string | undefined) =>
  typeof choice === "object" ? String(((choice.function as Json | undefined) ?? choice).name) : choice;
const base64 = (url: unknown) => String(url).split("base64,")[1] ?? "";

providerSuite({
  name: "provider-openai over Chat Completions",
  ...served("chat"),
  failures,
  sent: {
    images: (call) =>
      contentParts(messagesOf(call)).flatMap(({ image_url }) => (image_url ? [base64((image_url as { url: string }).url)] : [])),
    documents: (call) =>
      contentParts(messagesOf(call)).flatMap(({ file }) => (file ? [base64((file as { file_data: string }).file_data)] : [])),
    toolResult: (call, id) =>
      messagesOf(call).find(({ role, tool_call_id }) => role === "tool" && tool_call_id === id)?.content as string | undefined,
    signatures: () => [],
    shape: ({ body }) => ({
      toolChoice: choiceOf(body.tool_choice as Json | string | undefined),
      parallelTools: body.parallel_tool_calls as boolean | undefined,
      schema: (body.response_format as { json_schema: { schema: unknown } } | undefined)?.json_schema.schema,
      stop: body.stop as string[] | undefined,
      thinking: "reasoning_effort" in body,
    }),
  },
});

providerSuite({
  name: "provider-openai over Responses",
  ...served("responses"),
  signs: true,
  knowsNoStops: true,
  failures,
  sent: {
    images: (call) => contentParts(inputOf(call)).flatMap(({ type, image_url }) => (type === "input_image" ? [base64(image_url)] : [])),
    documents: (call) => contentParts(inputOf(call)).flatMap(({ type, file_data }) => (type === "input_file" ? [base64(file_data)] : [])),
    toolResult: (call, id) =>
      inputOf(call).find(({ type, call_id }) => type === "function_call_output" && call_id === id)?.output as string | undefined,
    signatures: (call) => inputOf(call).flatMap(({ type, encrypted_content }) => (type === "reasoning" ? [String(encrypted_content)] : [])),
    shape: ({ body }) => ({
      toolChoice: choiceOf(body.tool_choice as Json | string | undefined),
      parallelTools: body.parallel_tool_calls as boolean | undefined,
      schema: (body.text as { format: { schema: unknown } } | undefined)?.format.schema,
      stop: body.stop as string[] | undefined,
      thinking: "reasoning" in body,
    }),
  },
});
