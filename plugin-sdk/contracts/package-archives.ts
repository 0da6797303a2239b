/** The archives of third-party packages, each the one that a plugin's lock names, whoever has it. */
import { type Static, Type } from "@sinclair/typebox";
import { Bytes, call, defineContract } from "../contract.ts";

export const LockedArchive = Type.Object({
  name: Type.String({ minLength: 1 }),
  version: Type.String({ minLength: 1 }),
  algorithm: Type.Union([Type.Literal("sha256"), Type.Literal("sha384"), Type.Literal("sha512")]),
  /** Its digest, lower case. */
  hex: Type.String({ pattern: "^[0-9a-f]+$" }),
});
export type LockedArchive = Static<typeof LockedArchive>;

export const packageArchives = defineContract({
  id: "package-archives",
  version: 1,
  arity: "one",
  scope: "operator.admin",
  members: {
    /** Compared with the digest. Rejects where nobody has it. */
    archive: call(LockedArchive, Type.Object({ bytes: Bytes() }), { safe: true }),
  },
});
