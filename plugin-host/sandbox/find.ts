/** Which confinement this machine has. */
import type { FoundConfinement } from "./confinement.ts";
import { findSandboxExec } from "./macos.ts";
import { findBubblewrap } from "./trial.ts";

let found: Promise<FoundConfinement> | undefined;

/** The confinement of this machine, or why there is none and what to install or set. Looked for until it is found, which takes a fifth of a second. */
export async function findConfinement(): Promise<FoundConfinement> {
  const find = { linux: findBubblewrap, darwin: findSandboxExec }[process.platform as string];
  if (!find) return { missing: `there is no confinement for ${process.platform}`, mend: "run the gateway under Linux or macOS" };
  found ??= Promise.try(() => find());
  const finding = await found;
  if ("missing" in finding) found = undefined;
  return finding;
}
