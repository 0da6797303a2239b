import { expect, test } from "bun:test";
import { nearest } from "./names.ts";

const known = Array.from({ length: 300 }, (_, at) => `vendor/a-model-of-some-name-${at}`);

test("a slip of the hand is found", () => {
  expect(nearest("vendor/a-modle-of-some-name-7", known)[0]).toBe("vendor/a-model-of-some-name-7");
});

test("a name of a megabyte is near to none, and nobody waits for that to be found out", () => {
  const before = process.cpuUsage();
  expect(nearest("a".repeat(1_000_000), known)).toEqual([]);
  expect(process.cpuUsage(before).user / 1_000).toBeLessThan(1_000);
});
