/** What would be chosen, without any call of a model. */
import { SelectionRequest } from "@pincer/plugin-sdk/contracts/selector";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Feature, Selection, Tier } from "@pincer/plugin-sdk/selection";
import { Type } from "@sinclair/typebox";

export const explain = defineMethod({
  name: "selector.explain",
  summary: "Which model a message would go to, and why. Nothing is sent to any.",
  scope: "operator.read",
  params: Type.Object(SelectionRequest.properties, { additionalProperties: false }),
  result: Type.Object({
    /** `null`: the selector has nothing to say, and the model is as without it. */
    selection: Type.Union([Selection, Type.Null()]),
    score: Type.Number(),
    tier: Tier,
    features: Type.Array(Feature),
  }),
});
