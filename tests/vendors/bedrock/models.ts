/** What a scripted Bedrock lists: models that are asked by their own id, models that need a profile, and what no agent can use. */

const ARN = "arn:aws:bedrock:us-east-1";

const model = (modelId: string, modelName: string, more: Readonly<Record<string, unknown>> = {}) => ({
  modelArn: `${ARN}::foundation-model/${modelId}`,
  modelId,
  modelName,
  providerName: modelId.split(".")[0],
  inputModalities: ["TEXT", "IMAGE"],
  outputModalities: ["TEXT"],
  responseStreamingSupported: true,
  inferenceTypesSupported: ["INFERENCE_PROFILE"],
  modelLifecycle: { status: "ACTIVE" },
  ...more,
});

export const modelSummaries = [
  model("anthropic.claude-sonnet-5", "Claude Sonnet 5"),
  model("anthropic.claude-3-7-sonnet-20250219-v1:0", "Claude 3.7 Sonnet"),
  model("amazon.nova-micro-v1:0", "Nova Micro", { inputModalities: ["TEXT"], inferenceTypesSupported: ["ON_DEMAND"] }),
  model("amazon.titan-image-generator-v2:0", "Titan Image", { outputModalities: ["IMAGE"], inferenceTypesSupported: ["ON_DEMAND"] }),
  model("meta.llama2-13b-chat-v1", "Llama 2", { inferenceTypesSupported: ["ON_DEMAND"], modelLifecycle: { status: "LEGACY" } }),
];

const profile = (id: string, name: string, modelId: string, type: "SYSTEM_DEFINED" | "APPLICATION" = "SYSTEM_DEFINED") => ({
  inferenceProfileName: name,
  inferenceProfileId: id,
  inferenceProfileArn: `${ARN}:123456789012:${type === "APPLICATION" ? "application-inference-profile" : "inference-profile"}/${id}`,
  models: [{ modelArn: `${ARN}::foundation-model/${modelId}` }],
  status: "ACTIVE",
  type,
  createdAt: "2026-01-01T00:00:00Z",
  updatedAt: "2026-01-01T00:00:00Z",
});

/** In two pages. */
export const profileSummaries = (isSecond: boolean) =>
  isSecond
    ? [profile("abc123", "team budget", "anthropic.claude-3-7-sonnet-20250219-v1:0", "APPLICATION")]
    : [
        profile("global.anthropic.claude-sonnet-5", "Global Claude Sonnet 5", "anthropic.claude-sonnet-5"),
        profile("us.amazon.titan-image-generator-v2:0", "US Titan Image", "amazon.titan-image-generator-v2:0"),
      ];
