/** What sites that speak ClawHub's API answer, as far as anything is done with it: docs/registry/clawhub.md. They may say more. */

import { RegistryError } from "@pincer/registry/error";
import { readJson } from "@pincer/registry/json";
import { type Static, type TSchema, Type } from "@sinclair/typebox";

const maybe = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));
const Text = Type.String();
const Time = Type.Number();
const Sha256 = Type.String({ pattern: "^[0-9a-fA-F]{64}$" });

export const WellKnown = Type.Union([Type.Object({ apiBase: Text }), Type.Object({ registry: Text })]);

const Owner = Type.Object({ handle: maybe(Text), displayName: maybe(Text), image: maybe(Text) });

export const SearchAnswer = Type.Object({
  results: Type.Array(
    Type.Object({
      score: Type.Number(),
      slug: maybe(Text),
      displayName: maybe(Text),
      summary: maybe(Text),
      version: maybe(Text),
      updatedAt: maybe(Time),
      ownerHandle: maybe(Text),
      owner: maybe(Owner),
      /** Of another source than the site's own, which the site only leads to. */
      source: maybe(Text),
    }),
    { maxItems: 1_000 },
  ),
});

const Line = Type.Object({ version: Text, createdAt: Time, changelog: maybe(Text) });

export const ListAnswer = Type.Object({
  items: Type.Array(
    Type.Object({
      slug: Text,
      displayName: Text,
      summary: maybe(Text),
      updatedAt: Time,
      latestVersion: maybe(Line),
      owner: maybe(Owner),
      ownerHandle: maybe(Text),
    }),
    { maxItems: 1_000 },
  ),
});

const Moderation = Type.Object({
  isSuspicious: Type.Boolean(),
  isMalwareBlocked: Type.Boolean(),
  verdict: maybe(Text),
  reasonCodes: maybe(Type.Array(Text)),
  summary: maybe(Text),
});

export const SkillAnswer = Type.Object({
  skill: Type.Union([
    Type.Object({ slug: Text, displayName: Text, summary: maybe(Text), tags: Type.Unknown(), createdAt: Time, updatedAt: Time }),
    Type.Null(),
  ]),
  latestVersion: Type.Union([Line, Type.Null()]),
  metadata: maybe(Type.Object({ os: maybe(Type.Array(Text)), systems: maybe(Type.Array(Text)) })),
  owner: Type.Union([Owner, Type.Null()]),
  moderation: maybe(Moderation),
});
export type SkillAnswer = Static<typeof SkillAnswer>;

const Security = Type.Object({
  status: Text,
  hasScanResult: maybe(Type.Boolean()),
  /** Of the zip that was scanned. */
  sha256hash: maybe(Sha256),
});

export const VersionAnswer = Type.Object({
  version: Type.Object({
    version: Text,
    files: Type.Array(Type.Object({ path: Text, size: Type.Integer({ minimum: 0 }), sha256: Sha256 }), { maxItems: 10_000 }),
    fingerprint: maybe(Sha256),
    security: maybe(Security),
  }),
});
export type SkillVersion = Static<typeof VersionAnswer>["version"];

/** Where a skill lies that the site does not host itself. */
export const InstallAnswer = Type.Union([
  Type.Object({ ok: Type.Literal(true), installKind: Type.Literal("archive"), archive: Type.Object({ version: Text }) }),
  Type.Object({
    ok: Type.Literal(true),
    installKind: Type.Literal("github"),
    github: Type.Object({
      repo: Type.String({ pattern: "^[\\w.-]+/[\\w.-]+$" }),
      path: Text,
      commit: Type.String({ pattern: "^[0-9a-f]{40}$" }),
    }),
  }),
]);

/** Throws `REGISTRY_METADATA_INVALID`. */
export function answerIn<T extends TSchema>(schema: T, bytes: Uint8Array, where: string): Static<T> {
  const refuse = (why: string) =>
    new RegistryError("REGISTRY_METADATA_INVALID", `${where} answers otherwise than ClawHub's API does: ${why}`);
  return readJson(schema, bytes, refuse);
}
