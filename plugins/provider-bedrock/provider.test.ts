import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Credential, ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import type { Message } from "@pincer/plugin-sdk/message";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { modelRequest, providerSuite, readStream, toolSpec, userMessage } from "@pincer/plugin-sdk/testing/provider-suite";
import type { VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";
import { Value } from "@sinclair/typebox/value";
import { ACCOUNT, type BedrockVendorOptions, startBedrockVendor } from "../../tests/vendors/bedrock/server.ts";
import { BedrockConfig } from "./config.ts";
import { createBedrockProvider } from "./provider.ts";

type Json = Readonly<Record<string, unknown>>;

const MODEL = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const IDLE_MS = 1000;

const signedAt = (origin: string) => ({
  AWS_ACCESS_KEY_ID: ACCOUNT.accessKeyId,
  AWS_SECRET_ACCESS_KEY: ACCOUNT.secretAccessKey,
  AWS_REGION: "us-east-1",
  AWS_ENDPOINT_URL_BEDROCK_RUNTIME: origin,
});

interface Sent {
  readonly messages: readonly { readonly role: string; readonly content: readonly Record<string, Json>[] }[];
  readonly system?: readonly Json[];
  readonly toolConfig?: { readonly tools: readonly Json[]; readonly toolChoice?: Json };
  readonly inferenceConfig: Json;
  readonly additionalModelRequestFields?: Record<string, Json>;
  readonly outputConfig?: { readonly textFormat?: { readonly structure: { readonly jsonSchema: { readonly schema: string } } } };
}
const sentIn = ({ body }: VendorCall) => body as unknown as Sent;
const blocksOf = (call: VendorCall) => sentIn(call).messages.flatMap(({ content }) => content);
const resultsOf = (call: VendorCall) => blocksOf(call).flatMap(({ toolResult }) => (toolResult ? [toolResult] : []));
const imagesIn = (blocks: readonly Record<string, Json>[]): string[] =>
  blocks.flatMap(({ image, toolResult }) => {
    if (image) return [(image["source"] as { bytes: string }).bytes];
    return toolResult ? imagesIn(toolResult["content"] as Record<string, Json>[]) : [];
  });

providerSuite({
  name: "provider-bedrock",
  startVendor: startBedrockVendor,
  startPlugin: (origin, options, idleTimeoutMs) =>
    startPlugin(import.meta.dir, { ...options, config: { idleTimeoutMs }, secrets: signedAt(origin) }),
  model: MODEL,
  signs: true,
  failures: [
    { title: "a key that may not", error: { status: 403, message: "You are not authorized to perform this operation" }, class: "auth" },
    {
      title: "a token that ended",
      error: { status: 403, code: "ExpiredTokenException", message: "The security token included in the request is expired" },
      class: "auth",
    },
    {
      title: "a model that the account has no access to",
      error: { status: 403, message: "You don't have access to the model with the specified model ID." },
      class: "unknown",
    },
    {
      title: "an account that cannot pay",
      error: { status: 403, message: "Model access is denied due to INVALID_PAYMENT_INSTRUMENT" },
      class: "billing",
    },
    {
      title: "too many tokens in too little time",
      error: { status: 429, message: "Too many tokens, please wait before trying again.", headers: { "retry-after": "7" } },
      class: "rate-limit",
      retryAfterMs: 7000,
    },
    {
      title: "a quota of the account",
      error: { status: 400, code: "ServiceQuotaExceededException", message: "The request exceeds the service quota of your account" },
      class: "rate-limit",
    },
    {
      title: "a model that is not loaded yet",
      error: { status: 429, code: "ModelNotReadyException", message: "The model is not ready for inference" },
      class: "overloaded",
    },
    { title: "a vendor that is unavailable", error: { status: 503, message: "Bedrock is unable to process your request" }, class: "overloaded" },
    { title: "a model that timed out", error: { status: 408, message: "The model took too long" }, class: "timeout" },
    { title: "a model that broke", error: { status: 424, message: "An error occurred while processing the model" }, class: "network" },
    { title: "a fault at the vendor", error: { status: 500, message: "An internal server error occurred" }, class: "network" },
    {
      title: "a conversation that is too long",
      error: { status: 400, message: "Input is too long for requested model." },
      class: "context-overflow",
    },
    {
      title: "a conversation that leaves no room for its answer",
      error: { status: 400, message: "The model returned the following errors: input length and `max_tokens` exceed context limit: 190000 + 20000" },
      class: "context-overflow",
    },
    { title: "an image that cannot be used", error: { status: 400, message: "Could not process image" }, class: "image" },
    { title: "a bad request", error: { status: 400, message: "The model returned the following errors: unknown field" }, class: "bad-request" },
    { title: "a model that does not exist", error: { status: 404, message: "The provided model identifier is invalid." }, class: "bad-request" },
  ],
  sent: {
    images: (call) => imagesIn(blocksOf(call)),
    toolResult: (call, id) => {
      const result = resultsOf(call).find(({ toolUseId }) => toolUseId === id);
      return result && JSON.stringify(result["content"]);
    },
    signatures: (call) =>
      blocksOf(call).flatMap(({ reasoningContent }) => {
        if (!reasoningContent) return [];
        const { reasoningText, redactedContent } = reasoningContent as { reasoningText?: { signature: string }; redactedContent?: string };
        return [reasoningText ? reasoningText.signature : Buffer.from(redactedContent ?? "", "base64").toString()];
      }),
    shape: (call) => {
      const { toolConfig, inferenceConfig, additionalModelRequestFields: fields, outputConfig } = sentIn(call);
      const choice = toolConfig?.toolChoice;
      const named = choice?.["tool"] as { name: string } | undefined;
      const kind = choice && "any" in choice ? "required" : choice && "auto" in choice ? "auto" : undefined;
      const parallel = fields?.["tool_choice"]?.["disable_parallel_tool_use"];
      const schema = outputConfig?.textFormat?.structure.jsonSchema.schema;
      return {
        toolChoice: toolConfig === undefined ? "none" : (named?.name ?? kind),
        parallelTools: parallel === undefined ? undefined : !parallel,
        schema: schema && JSON.parse(schema),
        stop: inferenceConfig["stopSequences"] as string[] | undefined,
        thinking: fields?.["thinking"] !== undefined,
      };
    },
  },
});
