/** How a plugin's code stands to whoever calls it. */
import { findConfinement } from "../../plugin-host/sandbox/find.ts";
import type { Contract, ImplementationOf } from "../contract.ts";
import { inline, loopback } from "./loopback.ts";

/**
 * `inline`: in the gateway's process. `loopback`: there too, behind an imitated border: what crosses it is copied, takes its time, and may not be
 * a function. `process`: in a process of its own, under the system's sandbox, as a gateway runs a plugin that it does not trust.
 */
export const modes = ["inline", "loopback", "process"] as const;
export type Mode = (typeof modes)[number];

/** The modes that need no process. */
export const nearModes = ["inline", "loopback"] as const satisfies readonly Mode[];

/** An implementation as its users hold it in that mode. */
export const inMode: Readonly<
  Record<(typeof nearModes)[number], <C extends Contract>(contract: C, implementation: ImplementationOf<C>) => ImplementationOf<C>>
> = { inline, loopback };

/** Why no process can be confined on this machine; undefined when one can. */
export async function unconfinable(): Promise<string | undefined> {
  const found = await findConfinement();
  return "missing" in found ? `${found.missing}; ${found.mend}` : undefined;
}
