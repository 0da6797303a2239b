/** Where recordings go, with what, and the bounds of a request. */
import { endpointSettings } from "@pincer/plugin-sdk/provider/endpoint";
import { type Static, Type } from "@sinclair/typebox";

export const TranscriberConfig = Type.Object({
  baseUrl: Type.String({
    default: "https://api.openai.com/v1",
    description: "Address of the API, with its /v1",
    examples: ["http://127.0.0.1:8000/v1"],
  }),
  key: endpointSettings.key,
  headers: endpointSettings.headers,
  model: Type.String({ default: "gpt-4o-mini-transcribe", minLength: 1, description: "Which model hears them" }),
  fileBytes: Type.Integer({ default: 25_000_000, minimum: 1, description: "Largest recording that the server takes" }),
  idleTimeoutMs: Type.Integer({ default: 120_000, minimum: 1, description: "Silence after which a request is given up" }),
  callTimeoutMs: Type.Integer({ default: 300_000, minimum: 1, description: "Longest time that a transcription may take" }),
  answerBytes: Type.Integer({ default: 4_000_000, minimum: 1_000, description: "Most bytes that an answer may have" }),
});
export type TranscriberConfig = Static<typeof TranscriberConfig>;
