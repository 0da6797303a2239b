/** In what a version differs from the one before it, as far as whoever installs it has to know. */
import { createHash } from "node:crypto";
import type { Publisher } from "@pincer/registry/client/client";
import type { About } from "./about.ts";
import { everyTool } from "./about-skill.ts";
import type { ModelText, Notice, PlanItem } from "./plan.ts";

/** As OpenSSH shows the fingerprint of a key. */
export const fingerprintOf = (key: string): string =>
  `SHA256:${createHash("sha256").update(Buffer.from(key, "hex")).digest("base64").replace(/=+$/, "")}`;

export const shownPublisher = ({ name, keys, threshold }: Publisher): NonNullable<PlanItem["publisher"]> => ({
  name,
  fingerprints: keys.map(fingerprintOf),
  threshold,
});

export type Difference = Pick<PlanItem, "permissions" | "gained" | "lost" | "modelText" | "reads" | "requires">;

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
    permissions,
    gained: before ? named(missing(permissions, before.permissions)) : [],
    lost: before ? named(missing(before.permissions, permissions)) : [],
    modelText: compareTold(before?.told ?? new Map(), after.told),
    ...(reads && { reads }),
    ...(requires && { requires: [...requires] }),
  };
}

const isAmong = (permission: string, other: string): boolean => other === everyTool && permission.startsWith("tools ");

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
