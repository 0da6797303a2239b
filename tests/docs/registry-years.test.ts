/** Types the page about a registry's years again, in an empty folder, and compares what comes with what stands there. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { lastingYears, typedAgain, yearsFile } from "./registry-years.ts";

test("a registry is run for years as its page says, with keys that are lost and stolen, and restored", async () => {
  const page = readFileSync(yearsFile, "utf8");
  expect(page).not.toMatch(/^error /m);
  expect(lastingYears(await typedAgain(page))).toBe(lastingYears(page));
}, 900_000);

test("what helps after a key was stolen is typed on that page, for each row of the table", () => {
  const table = readFileSync(join(dirname(yearsFile), "trust.md"), "utf8");
  const [, rows = ""] = /\| who has \|.*\n\|[-|]+\n((?:\|.*\n)+)/.exec(table) ?? [];
  const all = rows.trim().split("\n");
  expect(all.length).toBeGreaterThan(5);
  const page = readFileSync(yearsFile, "utf8");
  for (const row of all) {
    const commands = [...row.split("|")[4]!.matchAll(/`(pincer registry [^`]*)`/g)].map(([, command]) => command!);
    expect({ row, commands }).toEqual({ row, commands: expect.arrayContaining([expect.any(String)]) });
    for (const command of commands) expect(page).toContain(`$ ${command}`);
  }
});
