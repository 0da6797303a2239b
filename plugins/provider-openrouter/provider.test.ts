import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { providerSuite } from "@pincer/plugin-sdk/testing/provider-suite";
import type { VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";
import { CHARGE, startOpenRouterVendor } from "../../tests/vendors/openrouter/server.ts";

type Json = Readonly<Record<string, unknown>>;

const messagesOf = ({ body }: VendorCall) => body.messages as readonly Json[];
const partsOf = (call: VendorCall) =>
  messagesOf(call).flatMap(({ content }) => (Array.isArray(content) ? (content as readonly Json[]) : []));
const base64 = (url: unknown) => String(url).split("base64,")[1] ?? "";
const textOf = (content: unknown) =>
  typeof content === "string" ? content : (content as readonly Json[]).map(({ text }) => text).join("");

providerSuite({
  name: "provider-openrouter",
  startVendor: startOpenRouterVendor,
  startPlugin: (origin, options, idleTimeoutMs) =>
    startPlugin(import.meta.dir, {
      ...options,
      config: { idleTimeoutMs, endpoints: { lab: { baseUrl: `${origin}/api/v1`, key: "key-of-the-lab" } } },
    }),
  model: "lab/anthropic/claude-test",
  charges: CHARGE,
  failures: [
    {
      title: "a key that is not accepted",
      error: { status: 401, code: "authentication", message: "No auth credentials found" },
      class: "auth",
    },
    {
      title: "a key that may not",
      error: { status: 403, code: "permission_denied", message: "Key limit exceeded (total)" },
      class: "auth",
    },
    { title: "an empty account", error: { status: 402, code: "payment_required", message: "Insufficient credits" }, class: "billing" },
    {
      title: "what may be spent at once is under way already",
      error: { status: 402, message: "In-flight budget exceeded", headers: { "retry-after": "5" } },
      class: "rate-limit",
      retryAfterMs: 5000,
    },
    {
      title: "too many requests",
      error: { status: 429, code: "rate_limit_exceeded", message: "Rate limit exceeded", headers: { "retry-after": "60" } },
      class: "rate-limit",
      retryAfterMs: 60_000,
    },
    {
      title: "a provider that is down",
      error: { status: 502, code: "provider_unavailable", message: "Provider returned error" },
      class: "network",
    },
    {
      title: "an overloaded provider",
      error: { status: 503, code: "provider_overloaded", message: "Overloaded for now" },
      class: "overloaded",
    },
    {
      title: "a provider that took too long",
      error: { status: 504, code: "timeout", message: "The provider timed out" },
      class: "timeout",
    },
    { title: "a fault of the router", error: { status: 500, code: "server", message: "Internal Server Error" }, class: "network" },
    {
      title: "a conversation that is too long",
      error: { status: 400, code: "context_length_exceeded", message: "This endpoint takes fewer tokens" },
      class: "context-overflow",
    },
    {
      title: "an image that cannot be used",
      error: { status: 400, code: "invalid_image", message: "Could not process it" },
      class: "image",
    },
    {
      title: "a text that was flagged",
      error: { status: 400, code: "content_policy_violation", message: "It was flagged" },
      class: "refusal",
    },
    {
      title: "a bad request",
      error: { status: 400, code: "invalid_request", message: "Unknown parameter: 'colour'" },
      class: "bad-request",
    },
    {
      title: "a model that nobody has",
      error: { status: 404, code: "not_found", message: "No endpoints found for x/y" },
      class: "bad-request",
    },
  ],
  sent: {
    images: (call) => partsOf(call).flatMap(({ image_url }) => (image_url ? [base64((image_url as { url: string }).url)] : [])),
    documents: (call) => partsOf(call).flatMap(({ file }) => (file ? [base64((file as { file_data: string }).file_data)] : [])),
    toolResult: (call, id) => {
      const found = messagesOf(call).find(({ role, tool_call_id }) => role === "tool" && tool_call_id === id);
      return found && textOf(found["content"]);
    },
    signatures: () => [],
    shape: ({ body }) => {
      const choice = body.tool_choice as Json | string | undefined;
      return {
        toolChoice: typeof choice === "object" ? ((choice["function"] as Json)["name"] as string) : choice,
        parallelTools: body.parallel_tool_calls as boolean | undefined,
        schema: (body.response_format as { json_schema: { schema: unknown } } | undefined)?.json_schema.schema,
        stop: body.stop as string[] | undefined,
        thinking: "reasoning" in body,
      };
    },
  },
});
