/** Entries of the audit log that are owed: written down before what they tell of is done, so that whoever is killed in between loses none. */
import { join } from "node:path";
import { AuditEntry } from "@pincer/plugin-sdk/contracts/audit";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { readText, replaceFile } from "./layout.ts";

const Owed = Type.Required(Type.Pick(AuditEntry, ["action", "resources", "once"]));
type Owed = Static<typeof Owed>;
const All = Type.Array(Owed);

const fileOf = (home: string): string => join(home, "registries", "owed.json");

function readOwed(home: string): readonly Owed[] {
  try {
    const all: unknown = JSON.parse(readText(fileOf(home)) ?? "[]");
    if (Value.Check(All, all)) return all;
  } catch {
    // silent-ok: somebody has changed it by hand
  }
  return [];
}

const writeOwed = (home: string, all: readonly Owed[]): void => replaceFile(fileOf(home), `${JSON.stringify(all, null, 2)}\n`);

/** The first of the resources says of what it is: of the same, what is owed already is not owed twice. */
export function owe(home: string, action: string, resources: readonly [string, ...string[]]): void {
  const all = readOwed(home);
  if (all.some((one) => one.action === action && one.resources[0] === resources[0])) return;
  writeOwed(home, [...all, { action, resources: [...resources], once: crypto.randomUUID() }]);
}

/** One after the other. An entry that was kept, and whose debt was not taken off, is appended again under what makes it one. */
export async function payOwed(home: string, append: (owed: Owed) => Promise<unknown>): Promise<void> {
  for (let [first, ...others] = readOwed(home); first; [first, ...others] = readOwed(home)) {
    await append(first);
    writeOwed(home, others);
  }
}
