/** Runs a contract's suite in the kernel's process and over an imitated process border, so that an implementation behaves alike in both. */
import { describe } from "bun:test";
import type { Contract, ImplementationOf } from "../contract.ts";
import { inline, loopback } from "./loopback.ts";

/**
 * `suite` declares tests; `start` gives it the contract as its users hold it, around a fresh implementation.
 *
 * ```ts
 * overBoth(tool, () => implementation, (start) => {
 *   test("answers", async () => expect(await start().run(...)).toEqual(...));
 * });
 * ```
 */
export function overBoth<C extends Contract>(
  contract: C,
  make: () => ImplementationOf<C>,
  suite: (start: () => ImplementationOf<C>, mode: "inline" | "loopback") => void,
): void {
  describe(`${contract.id}, inline`, () => suite(() => inline(contract, make()), "inline"));
  describe(`${contract.id}, over a loopback`, () => suite(() => loopback(contract, make()), "loopback"));
}
