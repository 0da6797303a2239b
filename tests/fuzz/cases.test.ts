import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Case, replay } from "./campaign.ts";

const folder = join(import.meta.dir, "cases");
const files = readdirSync(folder).sort();

test("there are cases", () => expect(files.length).toBeGreaterThan(0));

for (const file of files) {
  test(`what once broke the gateway does not: ${file}`, async () => {
    const { moves } = (await Bun.file(join(folder, file)).json()) as Case;
    expect(await replay({ moves })).toBeUndefined();
  }, 120_000);
}
