/** `skills.*` on the wire. */
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";

const closed = { additionalProperties: false };
const text = Type.String();
const word = Type.String({ minLength: 1 });
const maybe = Type.Optional(word);
const words = Type.Array(text);

const Requirements = Type.Object({ bins: words, anyBins: words, env: words, config: words, os: words });

const Status = Type.Object({
  name: text,
  description: text,
  source: text,
  bundled: Type.Boolean(),
  filePath: text,
  baseDir: text,
  skillKey: text,
  primaryEnv: Type.Optional(text),
  emoji: Type.Optional(text),
  homepage: Type.Optional(text),
  always: Type.Boolean(),
  disabled: Type.Boolean(),
  blockedByAllowlist: Type.Boolean(),
  eligible: Type.Boolean(),
  userInvocable: Type.Boolean(),
  modelInvocable: Type.Boolean(),
  requirements: Requirements,
  missing: Requirements,
  configChecks: Type.Array(Type.Object({ path: text, satisfied: Type.Boolean() })),
  install: Type.Array(Type.Object({ id: text, kind: text, label: text, bins: words, command: text })),
  /** Why it cannot be used; empty when it can. */
  reasons: words,
  /** The names of the variables that its commands get. */
  variables: words,
});

export const skillsStatus = defineMethod({
  name: "skills.status",
  summary: "The skills that an agent has, whether each can be used, and why not.",
  scope: "operator.read",
  params: Type.Object({ agentId: maybe, sessionKey: maybe }, closed),
  result: Type.Object({ workspaceDir: text, managedSkillsDir: text, agentId: text, skills: Type.Array(Status) }),
});

export const skillsBins = defineMethod({
  name: "skills.bins",
  summary: "The programs that skills need, which a node may run without asking.",
  scope: "node",
  params: Type.Object({}, closed),
  result: Type.Object({ bins: Type.Array(word) }),
});

export const skillsUpdate = defineMethod({
  name: "skills.update",
  summary: "Turns a skill on or off, or sets what its commands get, an empty value taking it away; or brings installed ones up to date.",
  scope: "operator.admin",
  params: Type.Union([
    Type.Object(
      {
        skillKey: word,
        enabled: Type.Optional(Type.Boolean()),
        apiKey: Type.Optional(Type.String({ sensitive: true })),
        env: Type.Optional(Type.Record(Type.String(), Type.String({ sensitive: true }))),
      },
      closed,
    ),
    Type.Object(
      {
        source: Type.Literal("clawhub"),
        agentId: maybe,
        slug: Type.Optional(text),
        all: Type.Optional(Type.Boolean()),
        force: Type.Optional(Type.Boolean()),
      },
      closed,
    ),
  ]),
  result: Type.Object({
    ok: Type.Literal(true),
    /** `*`: all that are installed. */
    skillKey: text,
    config: Type.Union([
      Type.Object({ enabled: Type.Optional(Type.Boolean()), env: words }),
      Type.Object({
        source: Type.Literal("clawhub"),
        results: Type.Array(
          Type.Object({
            ok: Type.Literal(true),
            slug: text,
            version: text,
            previousVersion: text,
            changed: Type.Boolean(),
            targetDir: text,
          }),
        ),
      }),
    ]),
  }),
});

const timeoutMs = Type.Optional(Type.Integer({ minimum: 1_000 }));
const force = Type.Optional(Type.Boolean());

const ran = { ok: Type.Boolean(), message: text, stdout: text, stderr: text };

export const skillsInstall = defineMethod({
  name: "skills.install",
  summary: "Installs a skill, found or uploaded; or gets a program that a skill needs, in the way that it names under this id.",
  scope: "operator.admin",
  params: Type.Union([
    Type.Object(
      { name: word, installId: word, agentId: maybe, dangerouslyForceUnsafeInstall: Type.Optional(Type.Boolean()), timeoutMs },
      closed,
    ),
    Type.Object({ source: Type.Literal("clawhub"), slug: word, agentId: maybe, version: maybe, force, timeoutMs }, closed),
    Type.Object(
      {
        source: Type.Literal("upload"),
        uploadId: word,
        slug: word,
        agentId: maybe,
        force,
        sha256: Type.Optional(Type.String({ pattern: "^[a-fA-F0-9]{64}$" })),
        timeoutMs,
      },
      closed,
    ),
  ]),
  result: Type.Union([
    Type.Object({ ...ran, code: Type.Union([Type.Integer(), Type.Null()]), command: text }),
    Type.Object({ ...ran, code: Type.Integer(), slug: text, version: text, targetDir: text, warning: Type.Optional(text) }),
  ]),
});
