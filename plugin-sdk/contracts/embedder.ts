/** Texts as vectors, of which those of similar meaning lie near one another. */
import { Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";

export const embedder = defineContract({
  id: "embedder",
  version: 1,
  arity: "one",
  members: {
    /** A vector for each text, in order. Vectors of another `model` cannot be compared with these. */
    embed: call(
      Type.Object({ texts: Type.Array(Type.String()) }),
      Type.Object({ model: Type.String(), vectors: Type.Array(Type.Array(Type.Number())) }),
      { safe: true },
    ),
  },
});
