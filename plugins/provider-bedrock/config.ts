/** Configuration of the plugin: endpoints of Bedrock, which may differ in region, account and guardrail, and the bounds of a request. */
import { EndpointName, endpointSettings, requestBounds } from "@pincer/plugin-sdk/provider/endpoint";
import { type Static, Type } from "@sinclair/typebox";

export const Endpoint = Type.Object({
  region: Type.Optional(
    Type.String({ pattern: "^[a-z0-9-]+$", description: "AWS region; absent: AWS_REGION", examples: ["eu-central-1"] }),
  ),
  baseUrl: Type.Optional(
    Type.String({
      description: "Address of the runtime's API, such as a VPC endpoint; absent: the region's",
      examples: ["https://vpce-1.example.com"],
    }),
  ),
  listUrl: Type.Optional(Type.String({ description: "Address of the API that lists models; absent: baseUrl, or the region's" })),
  ...endpointSettings,
  profile: Type.Optional(Type.String({ minLength: 1, description: "The profile in AWS's own files whose credentials are used" })),
  chain: Type.Optional(
    Type.Boolean({ description: "Use what AWS's own chain finds: its files and variables, a container's or a machine's role" }),
  ),
  guardrail: Type.Optional(
    Type.Object(
      {
        id: Type.String({ minLength: 1, description: "Id or ARN" }),
        version: Type.String({ minLength: 1, examples: ["1", "DRAFT"] }),
        mode: Type.Optional(
          Type.Union([Type.Literal("sync"), Type.Literal("async")], { description: "async: words are shown before they were looked at" }),
        ),
      },
      { description: "A guardrail that every request passes" },
    ),
  ),
});
export type Endpoint = Static<typeof Endpoint>;

export const BedrockConfig = Type.Object({
  endpoints: Type.Record(EndpointName, Endpoint, {
    default: {},
    description: "`bedrock` itself, and further regions or accounts under names of your choice",
  }),
  awsFolder: Type.Optional(
    Type.String({
      pattern: "^/",
      description: "The folder of AWS's own files; absent: ~/.aws, which only a plugin inline can see",
      examples: ["/home/me/.aws"],
    }),
  ),
  maxOutputTokens: Type.Integer({
    default: 32_000,
    minimum: 1,
    description: "Most tokens of an answer of Claude, thinking included; other models have their own bound",
  }),
  ...requestBounds,
});
export type BedrockConfig = Static<typeof BedrockConfig>;
