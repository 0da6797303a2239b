/**
 * Who says what in a registry (theupdateframework.github.io/specification, 1.0.31):
 *
 * - `root` says whose keys count, and is signed by people, who keep theirs offline;
 * - `targets`, offline too, divides the names of packages between the roles `names-<prefix>`, and hands `revocations.json` to `revocations`
 *   and the parts of the catalogue to `catalogue`;
 * - `revocations` says what nobody should run any more;
 * - `names-<prefix>` says which publisher a name belongs to; it is the server's, which registers names;
 * - `publisher-<name>` says which versions there are, and which bytes each has; it is the publisher's own;
 * - `snapshot` says which of all these belong together, and `timestamp` which snapshot is the last; both are the server's.
 */
import { isName } from "../name.ts";

export type RoleName =
  | "root"
  | "targets"
  | "snapshot"
  | "timestamp"
  | `names-${string}`
  | `publisher-${string}`
  | "revocations"
  | "catalogue";

export const namesRole = (prefix: string): RoleName => `names-${prefix === "" ? "all" : prefix}`;
export const publisherRole = (publisher: string): RoleName => `publisher-${publisher}`;
export const publisherOf = (role: string): string | undefined => {
  const publisher = role.startsWith("publisher-") ? role.slice("publisher-".length) : "";
  return isName(publisher) ? publisher : undefined;
};

/** The path patterns of a `names` role: a prefix of no, one or two hex digits of the folders that packages lie in. */
export const namesPatterns = (prefix: string): readonly string[] =>
  ["plugins", "skills"].map((kind) => `${kind}/${prefix.padEnd(2, "?")}/*/*`);

/** Of `1`, `16` or `256` roles that share the names. */
export const prefixes = (count: 1 | 16 | 256): readonly string[] => {
  const digits = { 1: 0, 16: 1, 256: 2 }[count];
  return Array.from({ length: count }, (_prefix, index) => (digits === 0 ? "" : index.toString(16).padStart(digits, "0")));
};

/** A role that this one may hand something to. Nobody else's metadata is looked at, whatever a role says: a publisher could take the place of `root`. */
export function mayDelegate(from: RoleName, to: string): to is RoleName {
  if (from === "targets") return /^names-(all|[0-9a-f]{1,2})$/.test(to) || to === "revocations" || to === "catalogue";
  return from.startsWith("names-") && publisherOf(to) !== undefined;
}
