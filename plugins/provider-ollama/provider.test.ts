import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { providerSuite } from "@pincer/plugin-sdk/testing/provider-suite";
import type { VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";
import { startOllamaVendor } from "../../tests/vendors/ollama/server.ts";

type Json = Readonly<Record<string, unknown>>;

const messagesOf = ({ body }: VendorCall) => body.messages as readonly Json[];

providerSuite({
  name: "provider-ollama",
  startVendor: () =>
    startOllamaVendor({
      models: { "deep:latest": { capabilities: ["completion", "tools", "vision", "thinking"], contextLength: 131_072 } },
    }),
  startPlugin: (origin, options, idleTimeoutMs) =>
    startPlugin(import.meta.dir, { ...options, config: { idleTimeoutMs, endpoints: { lab: { baseUrl: origin, key: "key-of-the-box" } } } }),
  model: "lab/deep",
  argumentsAreValues: true,
  countsNoCache: true,
  knowsNoRefusal: true,
  failures: [
    { title: "a cloud model while nobody is signed in", error: { status: 401, message: "unauthorized, so far" }, class: "auth" },
    {
      title: "too many requests",
      error: { status: 429, message: "you have reached your hourly usage limit", headers: { "retry-after": "30" } },
      class: "rate-limit",
      retryAfterMs: 30_000,
    },
    {
      title: "a full queue",
      error: { status: 503, message: "server busy, please try again.  maximum pending requests exceeded" },
      class: "overloaded",
    },
    { title: "a model that fell over", error: { status: 500, message: "model runner has unexpectedly stopped" }, class: "network" },
    { title: "a cloud that is not reached", error: { status: 502, message: "remote inference is unavailable" }, class: "network" },
    {
      title: "a conversation that is too long",
      error: { status: 400, message: "the prompt is longer than the context length currently available to the model" },
      class: "context-overflow",
    },
    { title: "a bad request", error: { status: 400, message: "json: cannot unmarshal string into Go struct field" }, class: "bad-request" },
    { title: "a model that was removed", error: { status: 404, message: "model 'deep' not found" }, class: "bad-request" },
  ],
  sent: {
    images: (call) => messagesOf(call).flatMap(({ images }) => (images as readonly string[] | undefined) ?? []),
    toolResult: (call, id) =>
      messagesOf(call).find(({ role, tool_call_id }) => role === "tool" && tool_call_id === id)?.["content"] as string | undefined,
    signatures: () => [],
  },
});
