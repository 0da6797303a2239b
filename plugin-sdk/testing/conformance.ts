/** Runs a contract's suite in every mode, so that an implementation behaves alike in the gateway's process and across a border. */
import { afterAll, beforeAll, describe } from "bun:test";
import type { Contract, ImplementationOf } from "../contract.ts";
import { type Border, socketBorder } from "./loopback.ts";
import { inMode, type Mode, modes } from "./modes.ts";

/**
 * `suite` declares tests; `start` gives it the contract as its users hold it, around a fresh implementation. Besides the modes it runs over a
 * unix socket, as between two processes.
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
  suite: (start: () => ImplementationOf<C>, mode: Mode | "socket") => void,
): void {
  for (const mode of modes) describe(`${contract.id}, ${mode}`, () => suite(() => inMode[mode](contract, make()), mode));
  describe(`${contract.id}, over a unix socket`, () => {
    let border: Border;
    beforeAll(async () => {
      border = await socketBorder();
    });
    afterAll(() => border[Symbol.dispose]());
    suite(() => border.hold(contract, make()), "socket");
  });
}
