import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLibraries } from "./libraries.ts";

const folder = mkdtempSync(join(tmpdir(), "libraries-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string | Uint8Array) => {
  writeFileSync(join(folder, name), text, { mode: 0o755 });
  return join(folder, name);
};
const isLinux = process.platform === "linux";

test.skipIf(!isLinux)("a binary needs its loader, and what its loader finds, under the paths at which it looks", async () => {
  const found = await createLibraries()(process.execPath, []);
  const paths = found.map(({ at }) => at);
  expect(paths.some((path) => /\/ld-[^/]+$/.test(path))).toBe(true);
  expect(paths.some((path) => /\/libc\.[^/]+$|ld-musl/.test(path))).toBe(true);
  expect(paths.filter((path) => path.includes("vdso"))).toEqual([]);
  expect(await Promise.all(found.map(({ real }) => Bun.file(real).exists()))).not.toContain(false);
});

test.skipIf(!isLinux)("it is looked up again when the binary has changed, and once otherwise", async () => {
  const libraries = createLibraries();
  const binary = file("changing", await Bun.file(process.execPath === "" ? "" : "/bin/sh").bytes());
  const first = await libraries(binary, []);
  expect(await libraries(binary, [])).toBe(first);
  file("changing", "#!/bin/interpreter\n");
  expect(await libraries(binary, ["/bin/interpreter"])).toEqual([]);
});

test("a script runs by its interpreter, which must be permitted by itself", async () => {
  const script = file("script", "#! /usr/bin/env python3\nprint(1)\n");
  expect(await createLibraries()(script, ["/usr/bin/env"])).toEqual([]);
  await expect(createLibraries()(script, [script])).rejects.toMatchObject({
    code: "PLUGIN_UNCONFINABLE",
    message: expect.stringContaining("is a script of /usr/bin/env: name /usr/bin/env under permissions.exec too"),
  });
});

test("what is neither is refused", async () => {
  for (const bytes of ["plain text", "", "\x7fELF\x01\x01", "MZ"]) {
    await expect(createLibraries()(file("other", bytes), [])).rejects.toMatchObject({
      code: "PLUGIN_UNCONFINABLE",
      message: expect.stringContaining("neither a 64-bit binary nor a script"),
    });
  }
});
