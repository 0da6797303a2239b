import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { providerSuite } from "@pincer/plugin-sdk/testing/provider-suite";
import type { VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";
import { startGeminiVendor } from "../../tests/vendors/gemini/server.ts";

interface Part {
  readonly text?: string;
  readonly inlineData?: { readonly data: string; readonly mimeType: string };
  readonly functionResponse?: { readonly id: string; readonly response: unknown; readonly parts?: readonly Part[] };
  readonly thoughtSignature?: string;
}
interface Generation {
  readonly responseJsonSchema?: unknown;
  readonly stopSequences?: readonly string[];
  readonly thinkingConfig?: unknown;
}
interface Calling {
  readonly mode: "AUTO" | "NONE" | "ANY";
  readonly allowedFunctionNames?: readonly string[];
}

const partsOf = ({ body }: VendorCall): readonly Part[] =>
  (body["contents"] as readonly { readonly parts: readonly Part[] }[]).flatMap(({ parts }) => parts);
const dataOf = (parts: readonly Part[], type: string): readonly string[] =>
  parts.flatMap(({ inlineData, functionResponse }) => [
    ...(inlineData?.mimeType.startsWith(type) ? [inlineData.data] : []),
    ...dataOf(functionResponse?.parts ?? [], type),
  ]);
const CHOICES = { AUTO: "auto", NONE: "none", ANY: "required" } as const;

providerSuite({
  name: "provider-gemini",
  startVendor: startGeminiVendor,
  startPlugin: (origin, options, idleTimeoutMs) =>
    startPlugin(import.meta.dir, {
      ...options,
      config: { idleTimeoutMs },
      secrets: { GEMINI_API_KEY: "AIza-test-key", GOOGLE_GEMINI_BASE_URL: origin },
    }),
  model: "google/gemini-3.8-flash",
  signs: true,
  argumentsAreValues: true,
  countsNoCacheWrites: true,
  failures: [
    {
      title: "a key that is not accepted",
      error: { status: 400, code: "API_KEY_INVALID", message: "API key not valid. Please pass a valid API key." },
      class: "auth",
    },
    { title: "a key that may not use the model", error: { status: 403, message: "The caller does not have permission" }, class: "auth" },
    {
      title: "too many requests",
      error: {
        status: 429,
        param: "22s",
        message: "You exceeded your current quota, please check your plan and billing details.",
      },
      class: "rate-limit",
      retryAfterMs: 22_000,
    },
    {
      title: "an account with nothing left to spend",
      error: { status: 429, message: "Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing." },
      class: "billing",
    },
    {
      title: "a country without a free tier",
      error: { status: 400, message: "Gemini API free tier is not available in your country. Please enable billing on your project." },
      class: "billing",
    },
    { title: "a fault at the vendor", error: { status: 500, message: "An internal error has occurred. Please retry." }, class: "network" },
    {
      title: "an overloaded vendor",
      error: { status: 503, message: "The model is overloaded. Please try again later." },
      class: "overloaded",
    },
    {
      title: "a vendor that timed out",
      error: { status: 504, message: "Deadline expired before operation could complete." },
      class: "timeout",
    },
    {
      title: "a conversation that is too long",
      error: { status: 400, message: "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)." },
      class: "context-overflow",
    },
    {
      title: "an image that cannot be used",
      error: { status: 400, message: "Unable to process input image. Please retry or report the problem." },
      class: "image",
    },
    {
      title: "a bad request",
      error: { status: 400, message: 'Invalid JSON payload received. Unknown name "colour"' },
      class: "bad-request",
    },
    {
      title: "a model that does not exist",
      error: { status: 404, message: "models/gemini-9 is not found for API version v1beta" },
      class: "bad-request",
    },
  ],
  sent: {
    images: (call) => dataOf(partsOf(call), "image/"),
    documents: (call) => dataOf(partsOf(call), "application/pdf"),
    toolResult: (call, id) => {
      const result = partsOf(call).find(({ functionResponse }) => functionResponse?.id === id);
      return result && JSON.stringify(result.functionResponse?.response);
    },
    signatures: (call) =>
      partsOf(call).flatMap(({ thoughtSignature: one }) => (one === undefined || one === "skip_thought_signature_validator" ? [] : [one])),
    shape: ({ body }) => {
      const generation = (body["generationConfig"] ?? {}) as Generation;
      const calling = (body["toolConfig"] as { functionCallingConfig: Calling } | undefined)?.functionCallingConfig;
      const words = JSON.stringify(body["systemInstruction"] ?? "");
      return {
        toolChoice: calling && (calling.allowedFunctionNames?.[0] ?? CHOICES[calling.mode]),
        parallelTools: words.includes("at most one function") ? false : undefined,
        schema: generation.responseJsonSchema,
        stop: generation.stopSequences,
        thinking: generation.thinkingConfig !== undefined,
      };
    },
  },
});
