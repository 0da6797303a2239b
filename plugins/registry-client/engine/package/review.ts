/** In what a version differs from the one before it, as far as whoever installs it has to know. */
import { createHash } from "node:crypto";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import type { Publisher } from "@pincer/registry/client/client";
import { sha256Of } from "@pincer/registry/sha256";
import type { Notice } from "../../notice.ts";
import type { About } from "./about.ts";
import { everyTool } from "./about-skill.ts";
import type { ModelText, PermissionEntry, Reads, ShownPublisher } from "./description.ts";

/** As OpenSSH shows the fingerprint of a key. */
export const fingerprintOf = (key: string): string =>
  `SHA256:${createHash("sha256").update(Buffer.from(key, "hex")).digest("base64").replace(/=+$/, "")}`;

export const shownPublisher = ({ name, keys, threshold }: Publisher): ShownPublisher => ({
  name,
  fingerprints: keys.map(fingerprintOf),
  threshold,
});

export interface Difference {
  permissions: PermissionEntry[];
  /** Of these, what the version before may not; and what that may, and this one no longer. */
  gained: string[];
  lost: string[];
  modelText: ModelText[];
  reads?: Reads;
  requires?: string[];
}

/** Without a version before, nothing that it may do is gained. */
export function compare(before: Pick<About, "permissions" | "told"> | undefined, after: About): Difference {
  const { permissions, reads, requires } = after;
  const missing = (from: About["permissions"], within: About["permissions"]) =>
    from.filter(
      ({ permission, text }) =>
        !within.some((other) => (other.permission === permission && other.text === text) || isAmong(permission, other.permission)),
    );
  const named = (found: About["permissions"]) => found.map(({ permission }) => permission);
  return {
    permissions: [...permissions],
    gained: before ? named(missing(permissions, before.permissions)) : [],
    lost: before ? named(missing(before.permissions, permissions)) : [],
    modelText: compareTold(before?.told ?? new Map(), after.told),
    ...(reads && { reads }),
    ...(requires && { requires: [...requires] }),
  };
}

const isAmong = (permission: string, other: string): boolean => other === everyTool && permission.startsWith("tools ");

/** Of a skill, the files beside its `SKILL.md`, each of which the model may read or run once it uses the skill. */
export function compareFiles(skill: string, before: readonly ArchiveEntry[], after: readonly ArchiveEntry[]): ModelText[] {
  const told = (files: readonly ArchiveEntry[]) =>
    new Map(files.filter(({ path }) => path !== "SKILL.md").map(({ path, bytes }) => [`${path} of skill ${skill}`, textIn(bytes)]));
  return compareTold(told(before), told(after));
}

const longestShown = 20_000;

/** What is long, or no text, by its checksum. */
function textIn(bytes: Uint8Array): string {
  const text = bytes.length > longestShown ? undefined : new TextDecoder().decode(bytes);
  return text === undefined || /[\0\uFFFD]/.test(text) ? `${bytes.length} bytes, SHA-256 ${sha256Of(bytes)}` : text;
}

function compareTold(before: About["told"], after: About["told"]): ModelText[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((what) => {
    const [was, is] = [before.get(what), after.get(what)];
    return was === is ? [] : { what, ...(was !== undefined && { before: was }), ...(is !== undefined && { after: is }) };
  });
}

/** Another name, or a key that did not sign before: whoever publishes now may be somebody else. */
export function comparePublishers(before: Publisher | undefined, after: Publisher | undefined): Notice | undefined {
  const notice = (text: string): Notice => ({ code: "publisher", level: "yes", text });
  if (!before || Bun.deepEquals(before, after)) return undefined;
  if (!after) return notice(`it was signed by ${before.name}, and now by nobody`);
  if (before.name !== after.name) return notice(`its publisher was ${before.name}, and is ${after.name} now`);
  const added = after.keys.filter((key) => !before.keys.includes(key));
  if (added.length > 0) return notice(`${after.name} signs with another key: ${added.map(fingerprintOf).join(", ")}`);
  if (after.threshold < before.threshold)
    return notice(`${after.threshold} of the keys of ${after.name} sign it, where ${before.threshold} did`);
  return undefined;
}
