import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readReport, type Tally } from "./run.ts";

test("the report counts what passed, failed and was skipped, and a file without tests fails", () => {
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
