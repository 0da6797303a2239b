import { expect, test } from "bun:test";
import { createLines } from "./body.ts";
import { serverEvents } from "./server-events.ts";

test("a line without end is given up, and one that is just as long as it may be is not", () => {
  const lines = createLines(10);
  expect(lines("0123456789")).toEqual([]);
  expect(lines("\r")).toEqual([]);
  expect(lines("\nab")).toEqual(["0123456789"]);
  expect(() => lines("0123456789")).toThrow("a line of more than 10 characters");
});

test("what comes character by character is looked through once", () => {
  const lines = createLines();
  const begun = Bun.nanoseconds();
  for (let at = 0; at < 1_000_000; at++) lines("x");
  expect(lines("\n")).toEqual(["x".repeat(1_000_000)]);
  expect(Bun.nanoseconds() - begun).toBeLessThan(10e9);
});

test("an event of ever more lines is given up too", async () => {
  const line = new TextEncoder().encode(`data: ${"x".repeat(1_000_000)}\n`);
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(out) {
      sent++;
      out.enqueue(line);
    },
  });
  const read = async () => {
    for await (const _ of serverEvents(new Response(endless), () => {})) throw new Error("no event is whole");
  };
  await expect(read()).rejects.toThrow("an event of more than");
  expect(sent).toBeLessThan(20);
});
