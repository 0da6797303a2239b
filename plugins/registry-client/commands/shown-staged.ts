/** What founders are about to sign, as they read it before they do. */

import { plainly } from "@pincer/plugin-sdk/command/plain";
import { authorityOf } from "@pincer/registry/repository/stage";
import { isSignedByAll, type Needed, neededFor, type Staged, stagedRoles } from "@pincer/registry/repository/staged";
import { readRevocations } from "@pincer/registry/revocations";
import type { PublicKey } from "@pincer/registry/trust/key";
import { shortKey } from "./keys.ts";

const hexOf = ({ json }: PublicKey): string => json.keyval.public;

/** Keys that come and go, by role. */
function keyChanges({
  before,
  next,
}: Staged): readonly { readonly role: string; readonly gone: readonly string[]; readonly come: readonly string[] }[] {
  const [then, now] = [authorityOf(before), authorityOf({ ...before, ...next })];
  return (["root", "targets", "online", "revocations"] as const).flatMap((role) => {
    const [was, is] = [[then[role]].flat().map(hexOf), [now[role]].flat().map(hexOf)];
    const [gone, come] = [was.filter((key) => !is.includes(key)), is.filter((key) => !was.includes(key))];
    return gone.length + come.length > 0 ? [{ role, gone, come }] : [];
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
  for (const role of ["root", "targets"] as const)
    if (then[role].threshold !== now[role].threshold)
      row("threshold", `${role}: ${now[role].threshold} sign, where ${then[role].threshold} did`);
  for (const { role, gone, come } of keyChanges(staged)) {
    for (const key of gone) row("key", `- ${role} ${shortKey(key)}`);
    for (const key of come) row("key", `+ ${role} ${shortKey(key)}`);
  }
  if (staged.list !== undefined) row("revoked", `${readRevocations(Buffer.from(staged.list)).length} named in the list`);
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
