/** The `skills` section of the configuration. */
import { type Static, Type } from "@sinclair/typebox";

const bound = (fallback: number, description: string) => Type.Integer({ default: fallback, minimum: 1, description });
const variable = "^[A-Za-z_][A-Za-z0-9_]{0,127}$";

export const SkillEntry = Type.Object({
  enabled: Type.Optional(Type.Boolean({ description: "false: as if it were not there" })),
  apiKey: Type.Optional(Type.String({ sensitive: true, description: "The value of the variable that the skill names as its primaryEnv" })),
  env: Type.Optional(
    Type.Record(Type.String({ pattern: variable }), Type.String({ sensitive: true }), {
      description: "Variables that commands of this skill get, and nothing else does",
    }),
  ),
  config: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: "Whatever the skill itself asks to have written here" })),
});
export type SkillEntry = Static<typeof SkillEntry>;

export const SkillsConfig = Type.Object({
  entries: Type.Record(Type.String(), SkillEntry, { default: {}, description: "By a skill's name, or the skillKey that it gives itself" }),
  allowBundled: Type.Optional(Type.Array(Type.String(), { description: "The only ones of those that ship with Pincer; default: all" })),
  load: Type.Object(
    {
      extraDirs: Type.Array(Type.String(), { default: [], description: "Further folders of skills, after all others" }),
      personal: Type.Optional(
        Type.Boolean({ description: "Whether ~/.agents/skills counts; default: for a gateway whose home is ~/.pincer" }),
      ),
      watch: Type.Boolean({ default: true, description: "Take up changes by themselves" }),
      watchDebounceMs: bound(250, "Milliseconds without a change before changes are told."),
      recheckMs: bound(5_000, "Milliseconds after which what cannot be watched is looked at again, when a turn begins."),
    },
    { default: {} },
  ),
  promptTokens: Type.Integer({
    default: 1_500,
    minimum: 0,
    description: "Tokens that the list of skills may take of every request; 0: no list.",
  }),
  commands: Type.Integer({ default: 40, minimum: 0, description: "Skills that are listed among the commands of a chat." }),
  requirementsMs: bound(30_000, "Milliseconds for which it is known which programs are there."),
  installTimeoutMs: bound(600_000, "Milliseconds that getting a program for a skill may take."),
});
export type SkillsConfig = Static<typeof SkillsConfig>;
