/** How a plugin's code stands to whoever calls it. */
import type { Contract, ImplementationOf } from "../contract.ts";
import { inline, loopback } from "./loopback.ts";

/** `inline`: in the gateway's process. `loopback`: there too, behind an imitated border: what crosses it is copied, takes its time, and may not be a function. */
export const modes = ["inline", "loopback"] as const;
export type Mode = (typeof modes)[number];

/** An implementation as its users hold it in that mode. */
export const inMode: Readonly<Record<Mode, <C extends Contract>(contract: C, implementation: ImplementationOf<C>) => ImplementationOf<C>>> =
  {
    inline,
    loopback,
  };
