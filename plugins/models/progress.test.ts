import { expect, test } from "bun:test";
import { barOf, sizeOf } from "./progress.ts";

test.each([
  [0, 0, "0 kB"],
  [1, 0, "1 kB"],
  [340_000_000, 0, "340 MB"],
  [2_142_590_208, 0, "2.1 GB"],
])("%p bytes are said so", (bytes, _, said) => {
  expect(sizeOf(bytes)).toBe(said);
});

test("a bar is as full as what is there, and none before that is known", () => {
  const of = (completedBytes: number, totalBytes: number | null) => barOf({ completedBytes, totalBytes, status: "pulling" });
  expect(of(0, null)).toBe("pulling");
  expect(of(0, 2e9)).toBe(`[${"-".repeat(30)}] 0 %  0 kB of 2.0 GB  pulling`);
  expect(of(1e9, 2e9)).toBe(`[${"#".repeat(15)}${"-".repeat(15)}] 50 %  1.0 GB of 2.0 GB  pulling`);
  expect(of(3e9, 2e9)).toContain(`[${"#".repeat(30)}] 100 %`);
});
