/**
 * The files that a registry signs, in the form that ours have: narrower than TUF's (theupdateframework.github.io/specification, 1.0.31), so that
 * nothing is read that nobody wrote on purpose. Any client of TUF reads them too.
 */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { RegistryError } from "../error.ts";
import { readJson } from "../json.ts";
import { closed, hex, time } from "../schema.ts";
import { type Envelope, envelopeOf, sign } from "./envelope.ts";
import { areIdsTrue, keyJson, type Signer } from "./key.ts";

const version = Type.Integer({ minimum: 1, maximum: 2 ** 31 });
const size = Type.Integer({ minimum: 0, maximum: 2 ** 40 });
const common = {
  spec_version: Type.String({ pattern: "^1\\.0(\\.\\d+)?$" }),
  version,
  expires: time,
};
const keyIds = Type.Array(hex(64), { minItems: 1, maxItems: 32, uniqueItems: true });
const threshold = Type.Integer({ minimum: 1, maximum: 32 });
const roleKeys = Type.Object({ keyids: keyIds, threshold }, closed);
const keys = Type.Record(hex(64), keyJson, closed);
const hashes = Type.Object({ sha256: hex(64) }, closed);
const file = Type.Object({ version, length: size, hashes }, closed);

const target = Type.Object({ length: size, hashes, custom: Type.Optional(Type.Unknown()) }, closed);
const delegatedRole = Type.Object(
  {
    name: Type.String({ pattern: "^[a-z]+(-[a-z0-9]+)*$", maxLength: 80 }),
    keyids: keyIds,
    threshold,
    terminating: Type.Literal(true),
    paths: Type.Array(Type.String({ pattern: "^[a-z0-9.?*/-]+$", maxLength: 120 }), { minItems: 1 }),
  },
  closed,
);

const signedParts = {
  root: Type.Object(
    {
      _type: Type.Literal("root"),
      ...common,
      consistent_snapshot: Type.Literal(true),
      keys,
      roles: Type.Object({ root: roleKeys, targets: roleKeys, snapshot: roleKeys, timestamp: roleKeys }, closed),
    },
    closed,
  ),
  timestamp: Type.Object(
    {
      _type: Type.Literal("timestamp"),
      ...common,
      meta: Type.Object({ "snapshot.json": file }, closed),
      /** As the snapshot has it, so that a client sees every minute for half a kilobyte whether something was revoked. */
      revocations: Type.Optional(file),
    },
    closed,
  ),
  snapshot: Type.Object(
    {
      _type: Type.Literal("snapshot"),
      ...common,
      meta: Type.Record(Type.String({ pattern: "^[a-z]+(-[a-z0-9]+)*\\.json$" }), file, closed),
    },
    closed,
  ),
  targets: Type.Object(
    {
      _type: Type.Literal("targets"),
      ...common,
      targets: Type.Record(Type.String({ pattern: "^[a-z0-9][a-zA-Z0-9./-]*$" }), target, closed),
      delegations: Type.Optional(Type.Object({ keys, roles: Type.Array(delegatedRole) }, closed)),
    },
    closed,
  ),
} as const;

export type MetadataKind = keyof typeof signedParts;
export type Signed<Of extends MetadataKind> = Static<(typeof signedParts)[Of]>;
export type RoleKeys = Static<typeof roleKeys>;
export type TargetFile = Static<typeof target>;
export type MetaFile = Static<typeof file>;

const envelopes: Readonly<Record<MetadataKind, TSchema>> = {
  root: envelopeOf(signedParts.root),
  timestamp: envelopeOf(signedParts.timestamp),
  snapshot: envelopeOf(signedParts.snapshot),
  targets: envelopeOf(signedParts.targets),
};

export type Metadata<Of extends MetadataKind = MetadataKind> = Envelope<Signed<Of>>;

/** `role` is for the message. Throws `REGISTRY_METADATA_INVALID`. */
export function parseMetadata<Of extends MetadataKind>(kind: Of, role: string, bytes: Uint8Array): Metadata<Of> {
  const refuse = (why: string) => new RegistryError("REGISTRY_METADATA_INVALID", `${role}.json of the registry: ${why}`);
  const metadata = readJson(envelopes[kind], bytes, (why) => refuse(newerIn(bytes) ?? why)) as Metadata<Of>;
  if (Number.isNaN(Date.parse(metadata.signed.expires)))
    throw refuse(`expected a time, came "${metadata.signed.expires}", at /signed/expires`);
  const all =
    "keys" in metadata.signed ? metadata.signed.keys : "delegations" in metadata.signed ? metadata.signed.delegations?.keys : undefined;
  if (all && !areIdsTrue(all)) throw refuse("a key has another id than the hash of it");
  return metadata;
}

/** Undefined for one that is of no newer TUF than this one reads. */
function newerIn(bytes: Uint8Array): string | undefined {
  const [, version] = /"spec_version":\s*"(\d+\.\d+)[\d.]*"/.exec(Buffer.from(bytes.subarray(0, 4096)).toString("utf8")) ?? [];
  return version === undefined || version === "1.0"
    ? undefined
    : `it is written as TUF ${version} says, and this Pincer reads 1.0: a newer one is needed`;
}

/** The file's bytes, with the signatures of these. */
export const signMetadata = <Of extends MetadataKind>(signed: Signed<Of>, signers: readonly Signer[]): Uint8Array<ArrayBuffer> =>
  sign(signed, signers);
