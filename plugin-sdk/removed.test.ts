import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isFromBefore, leaveRemoved } from "./removed.ts";
import { systemClock } from "./system-clock.ts";

const home = mkdtempSync(join(tmpdir(), "pincer-removed-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

test("what was asked of a plugin before it was removed is of before; a clock that was ahead then makes nothing of that", () => {
  const before = systemClock.now();
  expect(isFromBefore(home, "weather", before)).toBe(false);
  leaveRemoved(home, "weather", false);
  expect([isFromBefore(home, "weather", before), isFromBefore(home, "weather", systemClock.now() + 1)]).toEqual([true, false]);
  writeFileSync(join(home, "removed-at", "weather"), String(systemClock.now() + 86_400_000));
  expect(isFromBefore(home, "weather", systemClock.now())).toBe(false);
});
