import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createManualClock } from "../testing/clock.ts";
import { requireRoom, watchData } from "./data-quota.ts";

const base = mkdtempSync(join(tmpdir(), "pincer-data-"));
afterAll(() => void Bun.spawnSync(["rm", "-rf", base]));
let count = 0;
function folder(fill: (path: string) => void): string {
  const path = join(base, String(count++));
  mkdirSync(path);
  fill(path);
  return path;
}
const MB = 1024 * 1024;

test("files, folders and empty files count, what a link leads to and holes do not", async () => {
  const little = folder((path) => {
    mkdirSync(join(path, "deep", "deeper"), { recursive: true });
    writeFileSync(join(path, "deep", "deeper", "file"), Buffer.alloc(MB / 2, 1));
    writeFileSync(join(base, "elsewhere"), Buffer.alloc(4 * MB, 1));
    symlinkSync(join(base, "elsewhere"), join(path, "link"));
    Bun.spawnSync(["truncate", "-s", "1G", join(path, "hole")]);
  });
  await requireRoom("notes", little, 1);
  const much = folder((path) => writeFileSync(join(path, "file"), Buffer.alloc(2 * MB, 1)));
  const many = folder((path) => {
    for (let n = 0; n < 300; n++) writeFileSync(join(path, `${n}`), "");
  });
  for (const path of [much, many])
    await expect(requireRoom("notes", path, 1)).rejects.toMatchObject({
      code: "PLUGIN_QUOTA",
      message: expect.stringMatching(/notes does not start: .*1 MB \(gateway\.plugins\.dataMb\).*remove some from/),
    });
  await requireRoom("notes", much, 3);
});

test("what lies deeper than a path can name hides nothing", async () => {
  const deep = folder((path) => {
    const step = "x".repeat(200);
    const script = `cd ${path}; for n in $(seq 30); do mkdir ${step}; cd ${step}; done; head -c 100 /dev/zero > file`;
    Bun.spawnSync(["sh", "-c", script]);
  });
  await expect(requireRoom("notes", deep, 64)).rejects.toMatchObject({ code: "PLUGIN_QUOTA" });
});

test("it is looked at now and then, and whoever takes more is told so", async () => {
  const clock = createManualClock();
  const told = Promise.withResolvers<string>();
  const path = folder((inside) => writeFileSync(join(inside, "file"), Buffer.alloc(2 * MB, 1)));
  using _watch = watchData(path, 1, { clock, everyMs: 1_000, exceeded: told.resolve });
  for (let second = 0; second < 11; second++) {
    await clock.advance(1_000);
    // What it asks of the disk is answered outside of this clock.
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await told.promise).toContain("more than 1 MB");
  rmSync(path, { recursive: true });
});
