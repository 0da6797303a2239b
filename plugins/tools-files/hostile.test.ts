import { expect, test } from "bun:test";
import { lstat, mkdir, readdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FileTools, startFileTools } from "../../tests/support/file-tools.ts";
import { createWorkspace } from "../../tests/support/workspace.ts";

const onLinux = test.skipIf(process.platform !== "linux");

/** A process that gives a name to one thing and then to another, as fast as it can, until it is disposed. */
async function swapping(files: FileTools, name: string, harmless: string, hostile: string): Promise<AsyncDisposable> {
  const script = `
    const { renameSync, symlinkSync } = require("node:fs");
    const [name, ...targets] = process.argv.slice(1);
    console.log("swapping");
    for (let n = 0; ; n++) {
      const link = name + ".swap";
      symlinkSync(targets[n % 2], link);
      renameSync(link, name);
    }`;
  const swapper = Bun.spawn([process.execPath, "-e", script, files.file(name), harmless, hostile], { stdout: "pipe" });
  await swapper.stdout.getReader().read();
  return {
    async [Symbol.asyncDispose]() {
      swapper.kill("SIGKILL");
      await swapper.exited;
    },
  };
}

test("no way of writing a path leads out of the workspace", async () => {
  await using files = await startFileTools();
  await files.put({ "in/a.txt": "inside" });
  await symlink(files.outside, files.file("out"));
  await symlink(join(files.outside, "secret.txt"), files.file("leak.txt"));
  await symlink("out", files.file("twice"));
  await symlink("/", files.file("in/root"));
  const secret = join(files.outside, "secret.txt");
  const ways = [
    "../outside/secret.txt",
    "in/../../outside/secret.txt",
    secret,
    `${files.path}/../outside/secret.txt`,
    "out/secret.txt",
    "twice/secret.txt",
    "leak.txt",
    `in/root${secret}`,
    "out/../out/secret.txt",
    `${files.path}x/secret.txt`,
  ];
  for (const path of ways) {
    for (const answer of [
      await files.read({ path }),
      await files.write({ path, content: "mine" }),
      await files.edit({ path, old: "secret", new: "mine" }),
      await files.patch({ patch: `--- ${path}\n+++ ${path}\n@@ -1 +1 @@\n-the secret\n+mine\n` }),
      await files.grep({ path, pattern: "secret" }),
    ]) {
      expect([path, answer.outcome]).toEqual([path, "refused"]);
      expect(answer.text).not.toContain("the secret");
    }
  }
  for (const path of ["..", "/", "out", "in/root", "in/root/etc", files.outside]) {
    expect(await files.list({ path })).toMatchObject({ outcome: "refused" });
    expect(await files.write({ path: `${path}/new.txt`, content: "x" })).toMatchObject({ outcome: "refused" });
  }
  expect(await readFile(secret, "utf8")).toBe("the secret\n");
  expect(await readdir(files.outside)).toEqual(["secret.txt"]);
});

test("a workspace that is reached through a link is still one place, by either of its names", async () => {
  await using workspace = await createWorkspace();
  const alias = `${workspace.path}-alias`;
  await symlink(workspace.path, alias);
  const files = await startFileTools({}, { ...workspace, path: alias });
  expect((await files.write({ path: join(alias, "a.txt"), content: "one" })).outcome).toBe("ok");
  expect((await files.read({ path: join(workspace.path, "a.txt") })).text).toBe("one");
  expect((await files.read({ path: "a.txt" })).text).toBe("one");
  expect((await files.read({ path: `${workspace.path}/../outside/secret.txt` })).outcome).toBe("refused");
});

onLinux("the process's own environment and open files cannot be read through /proc (#78528)", async () => {
  await using files = await startFileTools();
  for (const [name, target] of Object.entries({
    environ: "/proc/self/environ",
    cwd: "/proc/self/cwd",
    root: "/proc/self/root",
    fds: "/proc/self/fd",
    mem: "/proc/self/mem",
    zero: "/dev/zero",
    tty: "/dev/tty",
  })) {
    await symlink(target, files.file(name));
    for (const path of [name, `${name}/0`, target]) {
      expect([path, (await files.read({ path })).outcome]).toEqual([path, "refused"]);
      expect((await files.list({ path })).outcome).toBe("refused");
      expect((await files.write({ path, content: "x" })).outcome).toBe("refused");
    }
  }
  const everything = await startFileTools({}, { ...files, path: "/" });
  for (const path of ["proc/self/environ", "/proc/self/environ", "dev/zero", "sys/kernel"]) {
    expect((await everything.read({ path })).outcome).toBe("refused");
  }
  expect((await everything.grep({ path: "proc/self", pattern: "PATH" })).outcome).toBe("refused");
});

onLinux("pipes and devices neither hang a call nor are read", async () => {
  await using files = await startFileTools();
  expect(Bun.spawnSync(["mkfifo", files.file("pipe")]).exitCode).toBe(0);
  expect((await files.read({ path: "pipe" })).text).toBe("pipe is neither a regular file nor a folder");
  expect((await files.write({ path: "pipe", content: "x" })).text).toBe("pipe is not a regular file, and cannot be written");
  expect((await files.grep({ pattern: "x" })).text).toBe("nothing in . matches x");
  expect((await files.list({})).text).toBe("pipe (0 bytes)");
});

test("a link that is swapped while a file is read never shows what is outside", async () => {
  await using files = await startFileTools();
  await files.put({ "real/secret.txt": "harmless\n" });
  await symlink("real", files.file("way"));
  await using _swapper = await swapping(files, "way", "real", files.outside);
  const seen = new Map<string, number>();
  for (let round = 0; round < 400; round++) {
    const answers = [await files.read({ path: "way/secret.txt" })];
    if (round % 20 === 0) answers.push(await files.grep({ path: "way/secret.txt", pattern: "secret|harmless" }));
    for (const { outcome, text } of answers) {
      expect(text).not.toContain("the secret");
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    }
    const listed = await files.list({ path: "way" });
    if (listed.outcome === "ok") expect((listed.details as { path: string }).path).toBe("real");
  }
  expect(seen.get("ok")).toBeGreaterThan(0);
  expect(seen.get("refused")).toBeGreaterThan(0);
}, 120_000);

test("a link that is swapped while a file is written never lets anything be written outside", async () => {
  await using files = await startFileTools();
  await mkdir(files.file("real"));
  await symlink("real", files.file("way"));
  await using _swapper = await swapping(files, "way", "real", files.outside);
  const outcomes = new Set<string>();
  for (let round = 0; round < 400; round++) {
    const { outcome } = await files.write({ path: `way/deep/${round % 7}.txt`, content: `round ${round}` });
    outcomes.add(outcome);
    outcomes.add((await files.edit({ path: "way/secret.txt", old: "the secret", new: "mine" })).outcome);
  }
  expect(await readdir(files.outside)).toEqual(["secret.txt"]);
  expect(await readFile(join(files.outside, "secret.txt"), "utf8")).toBe("the secret\n");
  expect(outcomes).toEqual(new Set(["ok", "refused"]));
  expect((await readdir(files.file("real/deep"))).every((name) => !name.endsWith(".tmp"))).toBe(true);
}, 120_000);

test("a folder that is swapped with a link to outside while it is used never lets anything out or in", async () => {
  await using files = await startFileTools();
  await files.put({ "folder/secret.txt": "harmless\n" });
  await symlink(files.outside, files.file("folder.link"));
  const script = `
    const { renameSync } = require("node:fs");
    const [name] = process.argv.slice(1);
    console.log("swapping");
    for (;;) {
      renameSync(name, name + ".kept");
      renameSync(name + ".link", name);
      renameSync(name, name + ".link");
      renameSync(name + ".kept", name);
    }`;
  const swapper = Bun.spawn([process.execPath, "-e", script, files.file("folder")], { stdout: "pipe" });
  try {
    await swapper.stdout.getReader().read();
    const outcomes = new Set<string>();
    for (let round = 0; round < 600; round++) {
      const written = await files.write({ path: `folder/${round % 7}.txt`, content: `round ${round}` });
      const edited = await files.edit({
        path: "folder/secret.txt",
        old: "harmless",
        new: `harmless${" and more".repeat(round % 2)}.`,
      });
      const read = await files.read({ path: "folder/secret.txt" });
      const listed = await files.list({ path: "folder" });
      for (const { outcome, text } of [written, edited, read, listed]) {
        outcomes.add(outcome);
        expect(text).not.toContain("the secret");
      }
    }
    expect(outcomes).toEqual(new Set(["ok", "refused"]));
  } finally {
    swapper.kill("SIGKILL");
    await swapper.exited;
  }
  expect(await readdir(files.outside)).toEqual(["secret.txt"]);
  expect(await readFile(join(files.outside, "secret.txt"), "utf8")).toBe("the secret\n");
}, 120_000);

test("a file that grows while it is read is read to its bound, no further", async () => {
  await using files = await startFileTools({ readBytes: 50_000, imageBytes: 50_000 });
  await files.put({ "log.txt": "line\n" });
  const script = `const { appendFileSync } = require("node:fs"); console.log("on"); for (;;) appendFileSync(process.argv[1], "more and more\\n".repeat(50));`;
  const writer = Bun.spawn([process.execPath, "-e", script, files.file("log.txt")], { stdout: "pipe" });
  try {
    await writer.stdout.getReader().read();
    let refused = false;
    while (!refused) {
      const answer = await files.read({ path: "log.txt" });
      refused = answer.outcome === "refused";
      if (refused) expect(answer.text).toContain("more than the 50000 that can be read");
    }
  } finally {
    writer.kill("SIGKILL");
    await writer.exited;
  }
});

test("a file that is replaced by a link under a write's eyes stays what it has become", async () => {
  await using files = await startFileTools();
  await files.put({ "a.txt": "one" });
  const target = join(files.outside, "secret.txt");
  await symlink(target, files.file("link"));
  await rename(files.file("link"), files.file("a.txt"));
  expect((await files.write({ path: "a.txt", content: "two" })).outcome).toBe("refused");
  expect((await lstat(files.file("a.txt"))).isSymbolicLink()).toBe(true);
  expect(await readFile(target, "utf8")).toBe("the secret\n");
});

test("a workspace that is gone is said to be gone", async () => {
  await using files = await startFileTools();
  const nowhere = await startFileTools({}, { ...files, path: join(files.path, "nowhere") });
  expect((await nowhere.read({ path: "a" })).text).toBe(`the workspace ${join(files.path, "nowhere")} cannot be used: ENOENT`);
  await writeFile(files.file("plain"), "x");
  const plain = await startFileTools({}, { ...files, path: files.file("plain") });
  expect((await plain.list({})).text).toContain("is a file, not a folder");
});
