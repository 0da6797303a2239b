/** What the operator sets of it, under `plugins.registry-client.config`. */
import { type Static, Type } from "@sinclair/typebox";

export const Registry = Type.Object(
  {
    /** As it is called here, and in the lock. */
    name: Type.String({ pattern: "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", maxLength: 64, description: "What you call it" }),
    address: Type.String({ minLength: 1, description: "Its address (https), a folder, or a file that was exported" }),
    root: Type.String({ minLength: 1, description: "File with the keys that you trust in it (root.json)" }),
  },
  { additionalProperties: false },
);
export type Registry = Static<typeof Registry>;

export const ClawHub = Type.Object(
  {
    name: Type.String({ pattern: "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", maxLength: 64, description: "What you call it" }),
    address: Type.String({ minLength: 1, description: "Its address (https)" }),
  },
  { additionalProperties: false },
);

export const ClientConfig = Type.Object(
  {
    registries: Type.Array(Registry, { default: [], description: "Where packages are looked for, in this order" }),
    clawhub: Type.Array(ClawHub, {
      default: [{ name: "clawhub", address: "https://clawhub.ai" }],
      description: "Sites that speak ClawHub's API, for skills; one is asked only when somebody looks for a skill or installs one from it",
    }),
    pollSeconds: Type.Integer({
      default: 30,
      minimum: 1,
      maximum: 60,
      description: "How often the registries that something was installed from are asked what nobody should run any more",
    }),
    updates: Type.Object(
      {
        automatic: Type.Union([Type.Boolean(), Type.Array(Type.String({ maxLength: 64 }))], {
          default: false,
          description: "Whether what comes from registries, or which of it, is brought up to date by itself, where that needs no yes",
        }),
      },
      { additionalProperties: false, default: {} },
    ),
    fetchMinutes: Type.Integer({
      default: 30,
      minimum: 1,
      maximum: 1_440,
      description: "How long all that one installation fetches may take",
    }),
    scanSeconds: Type.Integer({
      default: 30,
      minimum: 1,
      maximum: 600,
      description: "How long the files of a package are looked through; one that takes longer is unscanned, and needs a yes to that",
    }),
    cooldownHours: Type.Number({
      default: 24,
      minimum: 0,
      maximum: 8_760,
      description: "How old a version must be before an update takes it by itself",
    }),
  },
  { additionalProperties: false },
);
export type ClientConfig = Static<typeof ClientConfig>;
