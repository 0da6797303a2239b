import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { findConfinement } from "./find.ts";
import { findBubblewrap } from "./trial.ts";

const folder = mkdtempSync(join(tmpdir(), "trial-"));
afterAll(() => rmSync(folder, { recursive: true }));

testWith("bubblewrap")("this machine can confine", async () => {
  expect(await findConfinement()).toEqual({ confine: expect.any(Function), kind: "bubblewrap" });
});

test("a machine without a program is told which to install", async () => {
  expect(await findBubblewrap((name) => (name === "bwrap" ? null : `/usr/bin/${name}`))).toEqual({
    missing: "bwrap is not installed",
    mend: "install bubblewrap (apt-get install bubblewrap)",
  });
});

test("a machine that forbids namespaces is told so, in the words of what was tried", async () => {
  const refusing = join(folder, "unshare");
  writeFileSync(refusing, "#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n", { mode: 0o755 });
  const found = await findBubblewrap((name) => (name === "unshare" ? refusing : `/usr/bin/${name}`));
  expect(found).toMatchObject({
    missing: "bubblewrap cannot confine here: unshare: unshare failed: Operation not permitted",
    mend: expect.stringMatching(/namespace|userns|container/),
  });
});
