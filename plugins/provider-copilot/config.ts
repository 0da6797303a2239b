/** Configuration of the plugin: accounts of GitHub Copilot, and the bounds of a request. */
import { EndpointName, endpointSettings, requestBounds } from "@pincer/plugin-sdk/provider/endpoint";
import { type Static, Type } from "@sinclair/typebox";

export const Endpoint = Type.Object({
  githubUrl: Type.Optional(
    Type.String({
      description: "Address of GitHub's API; of an enterprise with a host of its own",
      examples: ["https://api.acme.ghe.com"],
    }),
  ),
  baseUrl: Type.Optional(Type.String({ description: "Address of Copilot's API; absent: what GitHub says with each session" })),
  ...endpointSettings,
});
export type Endpoint = Static<typeof Endpoint>;

export const CopilotConfig = Type.Object({
  endpoints: Type.Record(EndpointName, Endpoint, {
    default: {},
    description: "`copilot` itself, and accounts at other hosts; a key there is a token of GitHub's",
  }),
  ...requestBounds,
});
export type CopilotConfig = Static<typeof CopilotConfig>;
