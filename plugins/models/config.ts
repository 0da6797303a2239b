/** The `models` section of the configuration. */
import { Thinking } from "@pincer/plugin-sdk/contracts/provider";
import { type Static, Type } from "@sinclair/typebox";

const Dollars = Type.Number({ minimum: 0 });
export const Price = Type.Object({
  input: Dollars,
  output: Dollars,
  cacheRead: Type.Optional(Dollars),
  cacheWrite: Type.Optional(Dollars),
});
export type Price = Static<typeof Price>;

/** By the minute of a recording, or by a million tokens: as the vendor counts. */
export const TranscriptionPrice = Type.Object(
  {
    minute: Type.Optional(Type.Number({ minimum: 0, description: "For a minute of a recording" })),
    input: Type.Optional(Type.Number({ minimum: 0, description: "For a million tokens of recordings" })),
    output: Type.Optional(Type.Number({ minimum: 0, description: "For a million tokens of text" })),
  },
  { additionalProperties: false },
);
export type TranscriptionPrice = Static<typeof TranscriptionPrice>;

const byReference = { description: "By reference or alias" };

export const ModelsConfig = Type.Object({
  default: Type.Optional(Type.String({ minLength: 1, description: "The model when none is named", examples: ["openai/gpt-5"] })),
  aliases: Type.Record(Type.String({ minLength: 1 }), Type.String({ minLength: 1 }), {
    default: {},
    description: "Names of your own for models",
  }),
  favourites: Type.Array(Type.String(), { default: [], description: "Shown first in lists" }),
  thinking: Type.Record(Type.String(), Thinking, { default: {}, ...byReference, description: "How much a model thinks when nobody says" }),
  prices: Type.Record(Type.String(), Price, {
    default: {},
    description: "US dollars for a million tokens, by reference or alias, over what is known",
  }),
  transcriptionPrices: Type.Record(Type.String(), TranscriptionPrice, {
    default: {},
    description: "US dollars for what models that hear recordings take, by reference, over what is known",
    examples: [{ "transcriber-openai/whisper-large-v3": { minute: 0 } }],
  }),
  catalogue: Type.Object(
    {
      file: Type.Optional(
        Type.String({ minLength: 1, description: "A file with more models, or with other figures; absolute, or below the gateway's home" }),
      ),
      url: Type.Optional(
        Type.String({
          pattern: "^https?://",
          description: "Where `pincer models catalogue update` fetches one, over https; nothing else asks there",
        }),
      ),
    },
    { default: {}, description: "Over the catalogue that Pincer comes with" },
  ),
  statusTimeoutMs: Type.Integer({ default: 3000, minimum: 1, description: "Longest wait for a provider to say whether it is ready" }),
  listTimeoutMs: Type.Integer({ default: 10_000, minimum: 1, description: "Longest wait for a provider's list of models" }),
  statusKeptMs: Type.Integer({ default: 5000, minimum: 0, description: "How long it holds which providers are ready" }),
  listKeptMs: Type.Integer({ default: 60_000, minimum: 0, description: "How long a provider's list of models is kept here" }),
  usageDays: Type.Integer({ default: 400, minimum: 1, description: "Days for which usage is kept" }),
});
export type ModelsConfig = Static<typeof ModelsConfig>;
