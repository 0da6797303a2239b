/** Configuration of the plugin. */
import { type Static, Type } from "@sinclair/typebox";

export const ApiConfig = Type.Object({
  mostCalls: Type.Integer({
    default: 32,
    minimum: 1,
    description:
      "Calls of models and turns of agents that one caller may have running; each answer of `n` counts, and so does the background. As many readers of stored responses, beside them",
  }),
  mostCallsOfAll: Type.Integer({ default: 192, minimum: 1, description: "Those that all callers together may have running" }),
  mostChoices: Type.Integer({ default: 8, minimum: 1, description: "Answers of one request (`n`); each is a call of the model" }),
  responseDays: Type.Integer({ default: 30, minimum: 1, description: "Days for which a stored response is kept" }),
  mostResponses: Type.Integer({ default: 10_000, minimum: 1, description: "Stored responses; the oldest of whoever keeps most go first" }),
  mostResponsesEach: Type.Integer({ default: 5_000, minimum: 1, description: "Stored responses of one caller; the oldest go first" }),
  keptBytes: Type.Integer({ default: 4_000_000_000, minimum: 1, description: "Size of all stored responses together, in characters" }),
  keptBytesEach: Type.Integer({
    default: 1_000_000_000,
    minimum: 1,
    description: "Size of the stored responses of one caller, in characters",
  }),
  responseBytes: Type.Integer({
    default: 16_000_000,
    minimum: 1,
    description: "Size of a conversation that is stored; a longer one cannot be continued by its id",
  }),
  remoteImages: Type.Boolean({ default: true, description: "Fetch images that are named by an https address of the internet" }),
  remoteImageHosts: Type.Array(Type.String({ pattern: "^[A-Za-z0-9._:\\[\\]-]+$" }), {
    default: [],
    description:
      "Hosts (`nas.lan`, `nas.lan:9000`) from which images are fetched also over http and out of a private network, for every caller",
  }),
  mostRemoteImages: Type.Integer({ default: 16, minimum: 1, description: "Images of one request that are fetched" }),
  remoteImageBytes: Type.Integer({ default: 20_000_000, minimum: 1, description: "Size of those together" }),
  remoteImageMs: Type.Integer({ default: 10_000, minimum: 1, description: "Milliseconds that fetching them may take" }),
  fileChars: Type.Integer({ default: 400_000, minimum: 1, description: "Characters of a text file that a provider's model is shown" }),
});
export type ApiConfig = Static<typeof ApiConfig>;
