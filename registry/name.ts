/** How packages, their publishers and their versions are named, and where each lies in a registry. */
import { RegistryError } from "./error.ts";
import { sha256Of } from "./sha256.ts";

export type Kind = "plugins" | "skills";

/** Of one of them. */
export const wordOf = (kind: Kind) => (kind === "plugins" ? "plugin" : "skill");

export interface PackageName {
  readonly kind: Kind;
  readonly id: string;
}

export interface Release extends PackageName {
  readonly version: string;
}

const name = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const longestName = 64;
/** Semantic Versioning 2.0.0, without what it says of a build: that is no part of which version it is. */
const semver =
  /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(-(0|[1-9]\d{0,8}|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d{0,8}|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?$/;
const longestVersion = 64;

export const isName = (text: string): boolean => text.length <= longestName && name.test(text);
export const isVersion = (text: string): boolean => text.length <= longestVersion && semver.test(text);

/** Throws `REGISTRY_NAME_INVALID`. */
export function checkedName(text: string): string {
  if (isName(text)) return text;
  const expected = `expected small letters, digits and single dashes, beginning with a letter, at most ${longestName}`;
  throw new RegistryError("REGISTRY_NAME_INVALID", `${expected}; came ${JSON.stringify(text.slice(0, 100))}`);
}

/**
 * Packages lie in 256 folders, by what their names hash to, so that a registry may divide between many roles who says whose a name is:
 * `plugins/3f/telegram/1.2.0.tgz`.
 */
export const binOf = ({ id }: PackageName): string => sha256Of(id).slice(0, 2);
export const folderOf = (of: PackageName): string => `${of.kind}/${binOf(of)}/${of.id}`;
export const archiveOf = (release: Release): string => `${folderOf(release)}/${release.version}.tgz`;

/** What lies at a path that `archiveOf` gives; undefined for any other. */
export function releaseAt(path: string): Release | undefined {
  const [, kind, , id, version] = /^(plugins|skills)\/([0-9a-f]{2})\/([^/]+)\/([^/]+)\.tgz$/.exec(path) ?? [];
  if (kind === undefined || !isName(id!) || !isVersion(version!)) return undefined;
  const release: Release = { kind: kind as Kind, id: id!, version: version! };
  return archiveOf(release) === path ? release : undefined;
}

/** Negative when `a` comes before `b`, as Semantic Versioning orders them. */
export function compareVersions(a: string, b: string): number {
  const [coreA, preA] = parts(a);
  const [coreB, preB] = parts(b);
  for (let index = 0; index < 3; index++) if (coreA[index] !== coreB[index]) return coreA[index]! - coreB[index]!;
  if (preA === undefined || preB === undefined) return (preA === undefined ? 1 : 0) - (preB === undefined ? 1 : 0);
  for (let index = 0; index < Math.max(preA.length, preB.length); index++) {
    const order = compareParts(preA[index], preB[index]);
    if (order !== 0) return order;
  }
  return 0;
}

function compareParts(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  const [numberA, numberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (numberA && numberB) return Number(a) - Number(b);
  if (numberA !== numberB) return numberA ? -1 : 1;
  return a < b ? -1 : 1;
}

function parts(version: string): readonly [core: readonly number[], pre: readonly string[] | undefined] {
  const dash = version.indexOf("-");
  const core = (dash < 0 ? version : version.slice(0, dash)).split(".").map(Number);
  return [core, dash < 0 ? undefined : version.slice(dash + 1).split(".")];
}
