import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What `bun test` says of a test for which something is missing. */
function run(require: string) {
  const folder = mkdtempSync(join(tmpdir(), "pincer-needs-"));
  const needs = JSON.stringify(join(import.meta.dir, "needs.ts"));
  writeFileSync(
    join(folder, "confined.test.ts"),
    `import { testUnless } from ${needs};\ntestUnless("bubblewrap", "it is gone; install it")("is confined", () => undefined);\n`,
  );
  const env = { ...process.env, PINCER_TEST_REQUIRE: require };
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, "test", "./confined.test.ts"], { cwd: folder, env });
  rmSync(folder, { recursive: true });
  return { exitCode, said: stderr.toString() };
}

test("what this machine cannot do is skipped with the reason, and fails where it is required", () => {
  expect(run("docker,tmux")).toEqual({
    exitCode: 0,
    said: expect.stringContaining("(skip) is confined [needs bubblewrap: it is gone; install it]"),
  });
  const required = run("tmux,bubblewrap");
  expect(required.exitCode).toBe(1);
  expect(required.said).toContain("PINCER_TEST_REQUIRE names bubblewrap, which this machine does not have: it is gone; install it");
});
