/** In what a version differs from the one before it, as far as whoever installs it has to know. */
import { createHash } from "node:crypto";
import { type Finding, reviewPermissions } from "@pincer/plugin-kit/permission-review";
import { isObject } from "@pincer/plugin-sdk/json5";
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import type { Publisher } from "@pincer/registry/client/client";
import type { ModelText, Notice, PlanItem } from "./plan.ts";

/** As OpenSSH shows the fingerprint of a key. */
export const fingerprintOf = (key: string): string =>
  `SHA256:${createHash("sha256").update(Buffer.from(key, "hex")).digest("base64").replace(/=+$/, "")}`;

export const shownPublisher = ({ name, keys, threshold }: Publisher): NonNullable<PlanItem["publisher"]> => ({
  name,
  fingerprints: keys.map(fingerprintOf),
  threshold,
});

type Permissions = Pick<PlanItem, "permissions" | "gained" | "lost">;

/** Without a version before, nothing of it is a change. */
export function comparePermissions(before: Manifest | undefined, after: Manifest | undefined): Permissions {
  const now = reviewPermissions(after?.permissions);
  const permissions = now.map(({ risk, permission, text }) => ({ risk, permission, text }));
  if (!before) return { permissions, gained: [], lost: [] };
  const then = reviewPermissions(before.permissions);
  const missing = (from: readonly Finding[], within: readonly Finding[]) =>
    from.filter(({ permission, text }) => !within.some((other) => other.permission === permission && other.text === text));
  const named = (found: readonly Finding[]) => found.map(({ permission }) => permission);
  return { permissions, gained: named(missing(now, then)), lost: named(missing(then, now)) };
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

/** Whatever a manifest says to a model. */
export function modelTextOf(manifest: Manifest | undefined): ReadonlyMap<string, string> {
  const { tool = {} } = manifest?.generated?.provides ?? {};
  return new Map(Object.entries(tool).map(([name, { record }]) => [`tool ${name}`, toolText(record)]));
}

function toolText(record: unknown): string {
  if (!isObject(record)) return "";
  const { summary, parameters } = record;
  return [summary, ...describedIn(parameters, "")].join("\n");
}

/** Each parameter and its kind, with what is said of it, in the order of the manifest. */
function describedIn(schema: unknown, at: string): readonly string[] {
  if (!isObject(schema)) return [];
  const { type, description, properties, items } = schema;
  const own = at === "" ? [] : [[at, typeof type === "string" && `(${type})`, description].filter(Boolean).join(" ")];
  const inside = Object.entries(isObject(properties) ? properties : {}).flatMap(([name, member]) =>
    describedIn(member, at === "" ? name : `${at}.${name}`),
  );
  return [...own, ...inside, ...describedIn(items, `${at}[]`)];
}

export function compareModelText(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): ModelText[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((what) => {
    const [was, is] = [before.get(what), after.get(what)];
    return was === is ? [] : { what, ...(was !== undefined && { before: was }), ...(is !== undefined && { after: is }) };
  });
}
