/** What founders are about to sign, as they read it before they do. */

import { plainly } from "@pincer/plugin-sdk/command/plain";
import { authorityOf } from "@pincer/registry/repository/stage";
import { isSignedByAll, type Needed, neededFor, type Staged, stagedRoles } from "@pincer/registry/repository/staged";
import { readRevocations, revocationsPath } from "@pincer/registry/revocations";
import type { PublicKey } from "@pincer/registry/trust/key";
import { shortKey } from "./keys.ts";

const hexOf = ({ json }: PublicKey): string => json.keyval.public;

/** Keys that come, go and stay, by each role that would be signed anew: what the file says of before may be false, so that all of them are to be read. */
function keyChanges({ before, next }: Staged): readonly Readonly<Record<"gone" | "come" | "stay", readonly string[]> & { role: string }>[] {
  const [then, now] = [authorityOf(before), authorityOf({ ...before, ...next })];
  const named = { root: next.root, targets: next.root, online: next.root ?? next.targets, revocations: next.targets };
  return (["root", "targets", "online", "revocations"] as const).flatMap((role) => {
    if (!named[role]) return [];
    const [was, is] = [[then[role]].flat().map(hexOf), [now[role]].flat().map(hexOf)];
    const [gone, come] = [was.filter((key) => !is.includes(key)), is.filter((key) => !was.includes(key))];
    return [{ role, gone, come, stay: is.filter((key) => was.includes(key)) }];
  });
}

const whose = ({ role, isBefore }: Needed): string => (role === "root" ? `root, keys ${isBefore ? "of before" : "from now on"}` : role);

export function stagedAnswer(staged: Staged) {
  return {
    roles: stagedRoles.flatMap((role) => {
      const { version, expires } = staged.next[role]?.signed ?? {};
      return version === undefined ? [] : [{ role, version, expires }];
    }),
    keys: keyChanges(staged),
    needed: neededFor(staged).map(({ keys, signed, ...one }) => ({ ...one, keys: keys.map(hexOf), signed: signed.map(hexOf) })),
    isComplete: isSignedByAll(staged),
  };
}

/** `registry`: as it was typed, where that is known. */
export function shownStaged(staged: Staged, file: string, registry = "<folder-or-url>"): string {
  const lines: string[] = [];
  const row = (name: string, said: string) => lines.push(`  ${name.padEnd(11)}  ${plainly(said)}`);
  for (const role of stagedRoles) {
    const signed = staged.next[role]?.signed;
    if (signed) row(role, `version ${signed.version}, until ${signed.expires}`);
  }
  const { roles: then } = staged.before.root.signed;
  const { roles: now } = (staged.next.root ?? staged.before.root).signed;
  for (const role of staged.next.root ? (["root", "targets"] as const) : []) {
    const [was, is] = [then[role].threshold, now[role].threshold];
    row("threshold", `${role}: ${is} sign${was === is ? "" : `, where ${was} did`}`);
  }
  for (const { role, gone, come, stay } of keyChanges(staged)) {
    for (const key of gone) row("key", `- ${role} ${shortKey(key)}`);
    for (const key of come) row("key", `+ ${role} ${shortKey(key)}`);
    for (const key of stay) row("key", `= ${role} ${shortKey(key)}`);
  }
  const listed = staged.next.revocations?.signed.targets[revocationsPath];
  if (listed) row("list", `SHA-256 ${listed.hashes.sha256}${staged.list === undefined ? ", which is not in this file" : ""}`);
  for (const one of staged.list === undefined ? [] : readRevocations(Buffer.from(staged.list)))
    row(
      "revoked",
      `${"key" in one ? `key:${one.key}` : `${one.kind}/${one.id} ${one.versions?.join(", ") ?? "in all versions"}`}: ${one.reason}`,
    );
  for (const one of neededFor(staged)) {
    const missing = one.keys.filter((key) => !one.signed.some(({ id }) => id === key.id)).map((key) => shortKey(hexOf(key)));
    const left = one.threshold - one.signed.length;
    row("signed", `${whose(one)}: ${one.signed.length} of ${one.threshold}${left > 0 ? `; ${left} of ${missing.join(", ")} to come` : ""}`);
  }
  lines.push(
    isSignedByAll(staged)
      ? `  next         pincer registry apply ${file} --registry ${registry}`
      : `  next         pincer registry sign ${file} --key <file>`,
  );
  return lines.join("\n");
}
