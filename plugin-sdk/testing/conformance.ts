/** Runs a contract's suite over the borders that there are, so that an implementation behaves alike on this side of one and on the other. */
import { afterAll, beforeAll, describe } from "bun:test";
import type { Contract, ImplementationOf } from "../contract.ts";
import { type Border, socketBorder } from "./loopback.ts";
import { inMode, nearModes } from "./modes.ts";

/**
 * `suite` declares tests; `start` gives it the contract as its users hold it, around a fresh implementation: in this process, over an imitated
 * border, and over a unix socket, as between two processes. An implementation that a plugin provides runs in a process as well by `inEveryMode` (`every-mode`).
 *
 * ```ts
 * conformance(tool, () => implementation, (start) => {
 *   test("answers", async () => expect(await start().run(...)).toEqual(...));
 * });
 * ```
 */
export function conformance<C extends Contract>(
  contract: C,
  make: () => ImplementationOf<C>,
  suite: (start: () => ImplementationOf<C>, mode: (typeof nearModes)[number] | "socket") => void,
): void {
  for (const mode of nearModes) describe(`${contract.id}, ${mode}`, () => suite(() => inMode[mode](contract, make()), mode));
  describe(`${contract.id}, over a unix socket`, () => {
    let border: Border;
    beforeAll(async () => {
      border = await socketBorder();
    });
    afterAll(() => border[Symbol.dispose]());
    suite(() => border.hold(contract, make()), "socket");
  });
}
