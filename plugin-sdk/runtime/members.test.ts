import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { inline } from "../testing/loopback.ts";

test("calls come in the order in which they were made, before, while and after their schema is compiled", async () => {
  for (let round = 0; round < 20; round++) {
    const Numbered = Type.Object({ n: Type.Integer(), round: Type.Literal(round) });
    const ledger = defineContract({
      id: "test-ledger",
      version: 1,
      arity: "one",
      record: Type.Object({}),
      members: { note: call(Numbered, Type.Object({})) },
    });
    const noted: number[] = [];
    const held = inline(ledger, {
      note: async ({ n }) => {
        noted.push(n);
        return {};
      },
    });
    const io = { signal: new AbortController().signal };
    const calls: Promise<unknown>[] = [];
    for (let n = 0; n < 200; n++) {
      calls.push(held.note({ n, round }, io));
      // Now and then a turn of the event loop, which the compiler needs to be loaded; else in the same one.
      await (n % 20 === 19 ? new Promise((resolve) => setImmediate(resolve)) : Promise.resolve());
    }
    await Promise.all(calls);
    expect(noted).toEqual(calls.map((_, n) => n));
  }
});
