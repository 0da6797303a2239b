/** What a registry's founders sign next, until enough of them have: a file that goes from one who has a key to the next, and to the registry at last. */
import { Type } from "@sinclair/typebox";
import { RegistryError } from "../error.ts";
import { readJson } from "../json.ts";
import { longestRevocations } from "../revocations.ts";
import { closed } from "../schema.ts";
import { addSignatures, signersOf } from "../trust/envelope.ts";
import { type PublicKey, publicKeyOf, type Signer } from "../trust/key.ts";
import { type Metadata, parseMetadata, type RoleKeys } from "../trust/metadata.ts";
import type { Delegations } from "../trust/owner.ts";

/** What the founders sign, and nobody else. */
export const stagedRoles = ["root", "targets", "revocations"] as const;
export type StagedRole = (typeof stagedRoles)[number];

export interface Staged {
  /** As they are now: they say who must sign what follows. */
  readonly before: { readonly root: Metadata<"root">; readonly targets: Metadata<"targets"> };
  /** Each of the version that follows; absent: it stays. */
  readonly next: {
    readonly root?: Metadata<"root">;
    readonly targets?: Metadata<"targets">;
    readonly revocations?: Metadata<"targets">;
  };
  /** `revocations.json`, where that is another. */
  readonly list?: string;
}

const metadata = Type.Unknown();
const form = Type.Object(
  {
    _type: Type.Literal("staged"),
    before: Type.Object({ root: metadata, targets: metadata }, closed),
    next: Type.Object({ root: Type.Optional(metadata), targets: Type.Optional(metadata), revocations: Type.Optional(metadata) }, closed),
    list: Type.Optional(Type.String({ maxLength: longestRevocations })),
  },
  closed,
);

/** Of such a file: a list, which is escaped in it, and metadata. */
export const longestStaged = 3 * longestRevocations;

/** Throws `REGISTRY_METADATA_INVALID`. */
export function parseStaged(bytes: Uint8Array): Staged {
  const { before, next, list } = readJson(form, bytes, (why) => new RegistryError("REGISTRY_METADATA_INVALID", `what was staged: ${why}`));
  const read = <Of extends "root" | "targets">(kind: Of, role: StagedRole, value: unknown) =>
    parseMetadata(kind, role, Buffer.from(JSON.stringify(value)));
  return {
    before: { root: read("root", "root", before.root), targets: read("targets", "targets", before.targets) },
    next: {
      ...(next.root !== undefined && { root: read("root", "root", next.root) }),
      ...(next.targets !== undefined && { targets: read("targets", "targets", next.targets) }),
      ...(next.revocations !== undefined && { revocations: read("targets", "revocations", next.revocations) }),
    },
    ...(list !== undefined && { list }),
  };
}

export const stagedFile = (staged: Staged): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(`${JSON.stringify({ _type: "staged", ...staged }, null, 2)}\n`);

/** Whom `targets` trusts with what. Throws `REGISTRY_METADATA_INVALID` unless it says who revokes, with a key for each that it names. */
export function delegationsOf({ signed: { delegations } }: Metadata<"targets">): Delegations {
  if (
    delegations?.roles.some(({ name }) => name === "revocations") &&
    delegations.roles.every(({ keyids }) => keyids.every((id) => delegations.keys[id]))
  )
    return delegations;
  const came = delegations ? "others" : "none";
  throw new RegistryError(
    "REGISTRY_METADATA_INVALID",
    `targets: expected delegations with the role revocations and every key, came ${came}`,
  );
}

/** Of whom so many must sign a role, and who has. */
export interface Needed {
  readonly role: StagedRole;
  /** Whether they are asked because they counted until now: the next root needs those of then and those of later. */
  readonly isBefore: boolean;
  readonly keys: readonly PublicKey[];
  readonly threshold: number;
  readonly signed: readonly PublicKey[];
}

export function neededFor({ before, next }: Staged): readonly Needed[] {
  const needed = (
    role: StagedRole,
    { keyids, threshold }: RoleKeys,
    all: Metadata<"root">["signed"]["keys"],
    isBefore = false,
  ): readonly Needed[] => {
    const envelope = next[role];
    if (!envelope) return [];
    const keys = keyids.map((id) => publicKeyOf(all[id]!.keyval.public));
    return [{ role, isBefore, keys, threshold, signed: signersOf(envelope, keys) }];
  };
  const root = (next.root ?? before.root).signed;
  const { keys, roles } = delegationsOf(next.targets ?? before.targets);
  return [
    ...needed("root", before.root.signed.roles.root, before.root.signed.keys, true),
    ...needed("root", root.roles.root, root.keys),
    ...needed("targets", root.roles.targets, root.keys),
    ...needed("revocations", roles.find(({ name }) => name === "revocations")!, keys),
  ];
}

export const isSignedByAll = (staged: Staged): boolean => neededFor(staged).every(({ signed, threshold }) => signed.length >= threshold);

/** Each signs what it may. */
export function signStaged(staged: Staged, signers: readonly Signer[]): Staged {
  const needed = neededFor(staged);
  const next = Object.fromEntries(
    stagedRoles.flatMap((role) => {
      const envelope = staged.next[role];
      const may = new Set(needed.flatMap((one) => (one.role === role ? one.keys.map(({ id }) => id) : [])));
      return envelope
        ? [
            [
              role,
              addSignatures(
                envelope,
                signers.filter(({ id }) => may.has(id)),
              ),
            ],
          ]
        : [];
    }),
  );
  return { ...staged, next };
}
