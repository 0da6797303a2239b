/** Runs a contract's suite in the kernel's process and over process borders, so that an implementation behaves alike in all of them. */
import { afterAll, beforeAll, describe } from "bun:test";
import type { Contract, ImplementationOf } from "../contract.ts";
import { type Border, inline, loopback, socketBorder } from "./loopback.ts";

export type Mode = "inline" | "loopback" | "socket";

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
  suite: (start: () => ImplementationOf<C>, mode: Mode) => void,
): void {
  describe(`${contract.id}, inline`, () => suite(() => inline(contract, make()), "inline"));
  describe(`${contract.id}, over a loopback`, () => suite(() => loopback(contract, make()), "loopback"));
  describe(`${contract.id}, over a unix socket`, () => {
    let border: Border;
    beforeAll(async () => {
      border = await socketBorder();
    });
    afterAll(() => border[Symbol.dispose]());
    suite(() => border.hold(contract, make()), "socket");
  });
}
