/** Installations of one home that are under way at once, in processes of their own. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readyName } from "../../plugins/registry-client/engine/apply/in-use.ts";

const journal = join(import.meta.dir, "../../plugins/registry-client/engine/apply/journal.ts");

test("what one lays out while another one, who has done, still removes much stays, and the rest goes", async () => {
  const home = mkdtempSync(join(tmpdir(), "pincer-together-"));
  const removed = join(home, "staging", "removed");
  mkdirSync(removed, { recursive: true });
  for (let file = 0; file < 2_000; file++) writeFileSync(join(removed, `${file}`), "");
  const script = `const { end } = await import(${JSON.stringify(journal)}); console.log("ends"); end(${JSON.stringify(home)});`;
  const other = Bun.spawn([process.execPath, "-e", script], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  await other.stdout.getReader().read();
  const mine = join(home, "staging", readyName());
  mkdirSync(mine, { recursive: true });
  writeFileSync(join(mine, "plugin.json"), "{}");
  expect(await other.exited).toBe(0);
  expect([readdirSync(join(home, "staging")), existsSync(join(mine, "plugin.json"))]).toEqual([[mine.split("/").at(-1)!], true]);
  rmSync(home, { recursive: true, force: true });
});
