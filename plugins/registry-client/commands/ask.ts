/** The yes of whoever sits there. */

import { createInterface } from "node:readline/promises";
import type { CommandIo } from "@pincer/plugin-sdk";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import type { PlanItem } from "../engine/plan/plan.ts";
import { clientErrors } from "../errors.ts";
import { acceptedBy } from "./shown.ts";

/** Answers with what was accepted. Throws `REGISTRY_CLIENT_CONSENT_NEEDED` where nobody can be asked. */
export async function askFor(
  items: readonly PlanItem[],
  { yes, accepted, again }: { readonly yes: boolean; readonly accepted: readonly string[]; readonly again: string },
  io: CommandIo,
): Promise<readonly string[] | "no" | "interrupted"> {
  const missing = [...new Set(items.flatMap(({ needs }) => needs))].filter((need) => !accepted.includes(need));
  if (yes && missing.length === 0) return accepted;
  if (!process.stdin.isTTY || io.json)
    throw clientErrors.REGISTRY_CLIENT_CONSENT_NEEDED(
      `${missing.length > 0 ? `it needs a yes to ${missing.join(", and to ")}` : "it needs a yes"}: ${again} ${acceptedBy(items)}`,
      { data: { needs: missing } },
    );
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const agrees = async (question: string) => /^\s*y(es)?\s*$/i.test(await terminal.question(`${question} [y/N] `, { signal: io.signal }));
    for (const need of missing) {
      const whose = items.filter(({ needs }) => needs.includes(need)).map(({ id }) => id);
      if (!(await agrees(plainly(`Say yes to ${need} of ${whose.join(" and ")}?`)))) return "no";
    }
    if (!yes && !(await agrees("Do this?"))) return "no";
    return [...accepted, ...missing];
  } catch (error) {
    if ((error as Error).name !== "AbortError") throw error;
    process.stderr.write("\n");
    return "interrupted";
  } finally {
    terminal.close();
  }
}
