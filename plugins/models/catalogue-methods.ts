/** The methods and events about models that are fetched, and about what is known of models without asking anybody. */
import { ModelFailure, PullProgress } from "@pincer/plugin-sdk/contracts/provider";
import { defineEvent } from "@pincer/plugin-sdk/event";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { type Static, Type } from "@sinclair/typebox";

const Text = Type.String({ minLength: 1 });
const closed = { additionalProperties: false };
const Model = { model: Type.String({ minLength: 1, description: "endpoint/model, or an alias" }) };

export const PullState = Type.Object({
  /** `endpoint/model`. */
  model: Text,
  state: Type.Union([Type.Literal("running"), Type.Literal("done"), Type.Literal("failed"), Type.Literal("cancelled")]),
  ...PullProgress.properties,
  failure: Type.Optional(ModelFailure),
  /** Goes up with everything that is told. */
  version: Type.Integer(),
});
export type PullState = Static<typeof PullState>;

export const modelsPull = defineMethod({
  name: "models.pull",
  summary: "Fetches a model onto the machine of its server, or joins who does; how far it is `models.pull.wait` tells.",
  scope: "operator.admin",
  params: Type.Object(Model, closed),
  result: PullState,
});

export const modelsPullWait = defineMethod({
  name: "models.pull.wait",
  summary: "Answers as soon as there is more to tell of a model that is fetched.",
  scope: "operator.read",
  params: Type.Object({ ...Model, version: Type.Optional(Type.Integer({ description: "What the caller knows already" })) }, closed),
  result: PullState,
});

export const modelsPullCancel = defineMethod({
  name: "models.pull.cancel",
  summary: "Ends the fetching of a model; begun again, it goes on where it was.",
  scope: "operator.admin",
  params: Type.Object(Model, closed),
  result: Type.Object({ cancelled: Type.Boolean() }),
});

export const pullChanged = defineEvent({
  name: "models.pull.changed",
  summary: "A model that is fetched has come further, or has ended.",
  scope: "operator.read",
  payload: PullState,
  dropIfSlow: true,
});

const CatalogueState = {
  /** Entries that hold. */
  entries: Type.Integer(),
  /** Those of them that Pincer did not come with. */
  added: Type.Integer(),
  /** Where they came from, without what only the operator knows of it, and when; null: none are kept. */
  from: Type.Union([Text, Type.Null()]),
  at: Type.Union([Type.Integer(), Type.Null()]),
};

export const modelsCatalogue = defineMethod({
  name: "models.catalogue",
  summary: "What is known of models without asking anybody, each with its source and the date.",
  scope: "operator.read",
  params: Type.Object({}, closed),
  result: Type.Object({
    ...CatalogueState,
    models: Type.Array(
      Type.Object({
        ref: Text,
        name: Text,
        contextWindow: Type.Union([Type.Integer(), Type.Null()]),
        maxOutputTokens: Type.Union([Type.Integer(), Type.Null()]),
        price: Type.Unknown({ description: "US dollars for a million tokens; null: not known" }),
        source: Text,
        date: Text,
      }),
    ),
  }),
});

export const modelsCatalogueUpdate = defineMethod({
  name: "models.catalogue.update",
  summary: "Reads the catalogue anew from where `models.catalogue` says; what is no catalogue is refused, and what was known holds.",
  scope: "operator.admin",
  params: Type.Object(
    {
      acceptPrices: Type.Optional(
        Type.Boolean({ description: "Prices that fall by more than nine tenths, to nothing or out of sight are right" }),
      ),
    },
    closed,
  ),
  result: Type.Object(CatalogueState),
});
