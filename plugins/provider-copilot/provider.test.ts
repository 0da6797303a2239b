import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { providerSuite } from "@pincer/plugin-sdk/testing/provider-suite";
import type { VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";
import { startCopilotVendor } from "../../tests/vendors/copilot/server.ts";

type Json = Readonly<Record<string, unknown>>;
const messagesOf = ({ body }: VendorCall) => body["messages"] as readonly Json[];

providerSuite({
  name: "provider-copilot",
  startVendor: startCopilotVendor,
  startPlugin: (origin, options, idleTimeoutMs) =>
    startPlugin(import.meta.dir, {
      ...options,
      config: { idleTimeoutMs, endpoints: { copilot: { githubUrl: origin } } },
      secrets: { COPILOT_GITHUB_TOKEN: "gho_own" },
    }),
  model: "copilot/gpt-test",
  failures: [
    {
      title: "a model that the plan does not hold",
      error: { status: 403, message: "access to this endpoint is forbidden" },
      class: "auth",
    },
    {
      title: "too many requests",
      error: {
        status: 429,
        code: "user_model_rate_limited",
        message: "Sorry, you have exceeded your rate limit",
        headers: { "retry-after": "7" },
      },
      class: "rate-limit",
      retryAfterMs: 7000,
    },
    {
      title: "an allowance that is used up",
      error: { status: 402, code: "quota_exceeded", message: "You have no quota left" },
      class: "billing",
    },
    {
      title: "a free allowance that is used up, told as too many requests",
      error: { status: 429, code: "free_quota_exceeded", message: "You have exceeded your free allowance" },
      class: "billing",
    },
    { title: "a fault at the vendor", error: { status: 500, code: "server_error", message: "Internal server error" }, class: "network" },
    { title: "an overloaded maker of the model", error: { status: 503, message: "upstream provider rate limit hit" }, class: "overloaded" },
    { title: "a request that the server cancelled", error: { status: 499, message: "request canceled by the server" }, class: "network" },
    {
      title: "a conversation that is too long",
      error: { status: 400, code: "model_max_prompt_tokens_exceeded", message: "prompt token count of 130000 is over what is allowed" },
      class: "context-overflow",
    },
    {
      title: "a filtered request",
      error: { status: 422, message: "Response was filtered by the Responsible AI Service" },
      class: "refusal",
    },
    {
      title: "a model of another API",
      error: {
        status: 400,
        code: "unsupported_api_for_model",
        message: "model codex-test is not accessible via the /chat/completions endpoint",
      },
      class: "bad-request",
    },
    {
      title: "a client that is not supported",
      error: { status: 466, message: "the client is not supported any more" },
      class: "bad-request",
    },
  ],
  sent: {
    images: (call) =>
      messagesOf(call)
        .flatMap(({ content }) => (Array.isArray(content) ? (content as readonly { image_url?: { url: string } }[]) : []))
        .flatMap(({ image_url: image }) => (image ? [image.url.split("base64,")[1] ?? ""] : [])),
    toolResult: (call, id) =>
      messagesOf(call).find(({ role, tool_call_id }) => role === "tool" && tool_call_id === id)?.["content"] as string | undefined,
    signatures: () => [],
    shape: ({ body }) => {
      const choice = body["tool_choice"] as string | { readonly function: { readonly name: string } } | undefined;
      return {
        toolChoice: typeof choice === "object" ? choice.function.name : choice,
        parallelTools: body["parallel_tool_calls"] as boolean | undefined,
        schema: (body["response_format"] as { json_schema: { schema: unknown } } | undefined)?.json_schema.schema,
        stop: body["stop"] as string[] | undefined,
        thinking: "reasoning_effort" in body,
      };
    },
  },
});
