import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readReport, type Tally } from "./run.ts";

/** Set in a run of this file that is to be ended: the port to which what the test that waits has started is connected for as long as it lives. */
const waits = process.env["PINCER_TEST_WAITS"];

if (waits !== undefined) {
  test("ends", () => undefined);
  test("waits", async () => {
    const stays = `await Bun.connect({ hostname: "127.0.0.1", port: ${waits}, socket: { data() {} } });`;
    await Bun.spawn([process.execPath, "-e", stays]).exited;
  });
}

test.skipIf(waits !== undefined)(
  "a run that is ended ends all that it started, and says what had passed and which file was running",
  async () => {
    const [started, isGone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const socket = { open: () => started.resolve(), close: () => isGone.resolve(), data: () => undefined };
    using listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket });
    const command = [process.execPath, join(dirname(import.meta.dir), "kernel", "cli", "main.ts"), "test", "tests/run.test.ts"];
    const env = { ...process.env, PINCER_TEST_WAITS: `${listener.port}` };
    const pincer = Bun.spawn(command, { env, stdio: ["ignore", "pipe", "inherit"] });
    await started.promise;
    pincer.kill("SIGTERM");
    const said = await new Response(pincer.stdout).text();
    expect(await pincer.exited).toBe(1);
    await isGone.promise;
    const running = "FAILED   tests/run.test.ts: was running, or had just ended, when SIGTERM ended it";
    expect(said.trimEnd()).toEndWith(`${running}\n1 passed, 1 failed`);
  },
);

test.skipIf(waits !== undefined)("the report counts what passed, failed and was skipped, and a file without tests fails", () => {
  const folder = mkdtempSync(join(tmpdir(), "pincer-report-"));
  const files = { "a.test.ts": "", "empty.test.ts": "export {};", "broken.test.ts": 'throw new Error("top");' };
  files["a.test.ts"] = `import { describe, expect, test } from "bun:test";
    test("one <1> & 'two'", () => {});
    describe("group", () => {
      test("fails", () => expect(1).toBe(2));
      test.skip("waits [needs chromium: apt-get install chromium]", () => {});
      test.skip("silent", () => {});
    });`;
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const report = join(folder, "report.xml");
  const options = ["--reporter=junit", `--reporter-outfile=${report}`];
  Bun.spawnSync([process.execPath, "test", ...options, ...Object.keys(files).map((name) => `./${name}`)], { cwd: folder });
  const tally: Tally = { passed: 0, failed: [], skipped: [], reasons: {} };
  readReport(readFileSync(report, "utf8"), Object.keys(files), tally);
  rmSync(folder, { recursive: true });
  const { reasons, ...counts } = tally;
  expect(Object.keys(reasons)).toEqual(["a.test.ts: group > fails"]);
  expect(reasons["a.test.ts: group > fails"]).toContain("Expected: 2\nReceived: 1");
  expect(counts).toEqual({
    passed: 1,
    failed: ["a.test.ts: group > fails", "empty.test.ts: no test ran", "broken.test.ts: no test ran"],
    skipped: ["a.test.ts: group > waits [needs chromium: apt-get install chromium]", "a.test.ts: group > silent (it does not say why)"],
  });
});
