/** Configuration of the plugin. */
import { type Static, Type } from "@sinclair/typebox";

export const ApiConfig = Type.Object({
  mostChoices: Type.Integer({ default: 8, minimum: 1, description: "Answers of one request (`n`); each is a call of the model" }),
  responseDays: Type.Integer({ default: 30, minimum: 1, description: "Days for which a stored response is kept" }),
  mostResponses: Type.Integer({ default: 10_000, minimum: 1, description: "Stored responses, the oldest go first" }),
  responseBytes: Type.Integer({
    default: 16_000_000,
    minimum: 1,
    description: "Size of a conversation that is stored; a longer one cannot be continued by its id",
  }),
  fileChars: Type.Integer({ default: 400_000, minimum: 1, description: "Characters of a text file that a provider's model is shown" }),
});
export type ApiConfig = Static<typeof ApiConfig>;
