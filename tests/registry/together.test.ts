/** Installations of one home that are under way at once, in processes of their own. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readyName } from "../../plugins/registry-client/engine/apply/in-use.ts";

const journal = join(import.meta.dir, "../../plugins/registry-client/engine/apply/journal.ts");

test("what one lays out while another one, who has done, still removes much stays, and the rest goes", async () => {
  const home = mkdtempSync(join(tmpdir(), "pincer-together-"));
  const staging = join(home, "staging");
  // Of somebody who lives no more: before that goes, it is asked whether he does, and there the other one stands still.
  const gone = Bun.spawn(["true"]);
  await gone.exited;
  for (const left of ["removed", `ready-${gone.pid}-left`]) mkdirSync(join(staging, left), { recursive: true });
  const script = `
    const { readSync } = await import("node:fs");
    const kill = process.kill;
    process.kill = (pid, signal) => { console.log("removes"); readSync(0, new Uint8Array(1)); return kill.call(process, pid, signal); };
    const { end } = await import(${JSON.stringify(journal)});
    end(${JSON.stringify(home)});`;
  const other = Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  expect(Buffer.from((await other.stdout.getReader().read()).value ?? []).toString()).toBe("removes\n");
  const mine = join(staging, readyName());
  mkdirSync(mine);
  writeFileSync(join(mine, "plugin.json"), "{}");
  other.stdin.write("\n");
  await other.stdin.end();
  expect(await other.exited).toBe(0);
  expect([readdirSync(staging), existsSync(join(mine, "plugin.json"))]).toEqual([[mine.split("/").at(-1)!], true]);
  rmSync(home, { recursive: true, force: true });
});
