/** `pincer.lock`: exactly what is installed, from where, and by whom, so that the same can be had again, bit for bit. */
import { join } from "node:path";
import { expectedBy } from "@pincer/plugin-sdk/check";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { PackageName } from "@pincer/registry/name";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { clientErrors } from "../../errors.ts";
import { closed } from "../../schema.ts";
import type { Origin } from "../../sources/source.ts";
import { readText, replaceFile } from "./layout.ts";

const Text = Type.String({ minLength: 1 });
const Sha256 = Type.String({ pattern: "^[0-9a-f]{64}$" });
const from = <const F extends Origin["from"]>(place: F) => Type.Literal(place);

// What an entry says besides was written by a later version of Pincer: it is handed on, so that whoever goes back to this one loses nothing.
const origin = Type.Unsafe<Origin>(
  Type.Union([
    Type.Object({ from: from("embedded") }),
    Type.Object({ from: from("registry"), registry: Text, path: Text, sha256: Sha256 }),
    Type.Object({ from: from("clawhub"), site: Text, slug: Text, sha256: Sha256 }),
    Type.Object({ from: from("npm"), name: Text, integrity: Text }),
    Type.Object({ from: from("git"), url: Text, commit: Text, inside: Type.Optional(Text), ref: Type.Optional(Text) }),
    Type.Object({ from: from("folder"), path: Text, sha256: Sha256 }),
    Type.Object({ from: from("archive"), at: Text, sha256: Sha256 }),
    Type.Object({ from: from("upload"), sha256: Sha256 }),
  ]),
);

const publisher = Type.Object({ name: Text, keys: Type.Array(Sha256), threshold: Type.Integer({ minimum: 1 }) });
const version = {
  version: Text,
  origin,
  /** SHA-256 of the deterministic archive of its files, which is also the name of the folder that they lie in. */
  digest: Sha256,
  /** SHA-256 of `plugin.json` or `SKILL.md`. */
  manifest: Sha256,
  /** SHA-256 of its own `bun.lock`. */
  dependencies: Type.Optional(Sha256),
  /** What it names of others to run with, on whichever system, each by name and version with the checksum of its archive. */
  packages: Type.Optional(Type.Record(Text, Type.String({ pattern: "^sha(256|384|512)-[A-Za-z0-9+/]+=*$" }))),
  /** By system, what these came to when they were laid out there, file by file: an archive may be for one system alone. */
  trees: Type.Optional(Type.Record(Text, Sha256)),
  publisher: Type.Optional(publisher),
  /** Of whom it was taken, where the same bytes are signed with other keys since: somebody is asked before anything else comes by these. */
  taken: Type.Optional(publisher),
};
export const LockedVersion = Type.Object(version);
export const LockEntry = Type.Object({
  ...version,
  /** Stays as it is when everything is updated. */
  pinned: Type.Optional(Type.Literal(true)),
  /** The version before, which is kept too. */
  before: Type.Optional(LockedVersion),
});
const Lock = closed({
  lockVersion: Type.Literal(1),
  packages: Type.Record(Type.String({ pattern: "^(plugins|skills)/[a-z][a-z0-9-]*$" }), LockEntry, { additionalProperties: false }),
});

export type LockedVersion = Static<typeof LockedVersion>;
export type LockEntry = Static<typeof LockEntry>;
/** By kind and id. */
export type Packages = Readonly<Record<string, LockEntry>>;

export const keyOf = ({ kind, id }: PackageName): string => `${kind}/${id}`;
export function nameOf(key: string): PackageName {
  const [kind, id] = key.split("/") as [PackageName["kind"], string];
  return { kind, id };
}

export const lockFileOf = (home: string): string => join(home, "pincer.lock");

/** Throws `REGISTRY_CLIENT_LOCK_INVALID`. */
export const readLock = (home: string): Packages => packagesIn(lockFileOf(home)) ?? {};

/** Undefined where no such file is. Throws `REGISTRY_CLIENT_LOCK_INVALID`. */
export function packagesIn(file: string): Packages | undefined {
  const text = readText(file);
  if (text === undefined) return undefined;
  const refuse = (why: string) => clientErrors.REGISTRY_CLIENT_LOCK_INVALID(`${file}: ${why}; mend it, or restore it from a backup`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw refuse(`expected JSON: ${errorMessage(error)}`);
  }
  if (Value.Check(Lock, json)) return json.packages;
  const first = Value.Errors(Lock, json).First()!;
  throw refuse(`at ${first.path || "/"}: expected ${expectedBy(first)}, came ${JSON.stringify(first.value)?.slice(0, 200) ?? "nothing"}`);
}

/** With one package as given, or without it. */
export function withEntry(packages: Packages, name: PackageName, entry: LockEntry | undefined): Packages {
  const { [keyOf(name)]: _, ...others } = packages;
  return entry ? { ...others, [keyOf(name)]: entry } : others;
}

export const writeLock = (home: string, packages: Packages): void =>
  replaceFile(lockFileOf(home), `${JSON.stringify(sorted({ lockVersion: 1, packages }), null, 2)}\n`);

/** Keys in one order, so that the same state is the same file. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, member]) => [key, sorted(member)]));
}

/** The version that counts, and the one that is kept behind it. */
export const versionsIn = (entry: LockEntry): readonly LockedVersion[] => [entry, ...(entry.before ? [entry.before] : [])];

/** Without what is of the entry alone. */
export function versionIn({ pinned: _pinned, before: _before, ...version }: LockEntry): LockedVersion {
  return version;
}
