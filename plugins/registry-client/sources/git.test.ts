import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createGitPackages } from "./git.ts";
import type { Wanted } from "./source.ts";

const base = realpathSync(mkdtempSync(join(tmpdir(), "pincer-git-test-")));
const temporary = join(base, "temporary");
const before = process.env["TMPDIR"];
beforeAll(() => {
  mkdirSync(temporary);
  process.env["TMPDIR"] = temporary;
});
afterAll(() => {
  if (before === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = before;
  rmSync(base, { recursive: true, force: true });
});
const { signal } = new AbortController();
const web = { fetch, clock: systemClock };
const gitPackages = createGitPackages(web);

/** With the settings of nobody. */
function git(folder: string, ...args: string[]): string {
  const env = {
    PATH: process.env["PATH"],
    HOME: base,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: "ada",
    GIT_AUTHOR_EMAIL: "ada@example.org",
    GIT_COMMITTER_NAME: "ada",
    GIT_COMMITTER_EMAIL: "ada@example.org",
  };
  const { stdout, stderr, exitCode } = Bun.spawnSync(["git", "-c", "protocol.file.allow=always", ...args], { cwd: folder, env });
  if (exitCode !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
  return String(stdout).trim();
}

interface Repository {
  readonly folder: string;
  readonly url: string;
  /** Of what `files` then holds. */
  commit(files: Readonly<Record<string, string>>): string;
}

let count = 0;
function repository(): Repository {
  const folder = join(base, `repository-${count++}`);
  mkdirSync(folder);
  git(folder, "init", "--quiet", "--initial-branch=main");
  return {
    folder,
    url: `file://${folder}`,
    commit(files) {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
      git(folder, "add", "--all");
      git(folder, "commit", "--quiet", "--message=x");
      return git(folder, "rev-parse", "HEAD");
    },
  };
}

const plugin = (version: string, id = "dice") => ({
  "plugin.json": JSON.stringify({ id, version }),
  "plugin.ts": `export default "${version}";`,
});
const resolve = (wanted: Omit<Wanted & { readonly from: "git" }, "from">) => gitPackages.resolve({ from: "git", ...wanted }, signal);
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error) => error,
  );
const leftovers = () => readdirSync(temporary);

test("what is asked for by a branch, a tag, a commit or nothing is a commit", async () => {
  const { folder, url, commit } = repository();
  const first = commit(plugin("1.0.0"));
  git(folder, "tag", "v1");
  git(folder, "tag", "--annotate", "--message=x", "v1-annotated");
  git(folder, "branch", "old");
  git(folder, "branch", "v2");
  const second = commit({ ...plugin("2.0.0"), "plugin.test.ts": "left out", ".github/x.yml": "left out" });
  git(folder, "tag", "v2");
  const inner = await resolve({ url });
  expect(inner).toMatchObject({ kind: "plugins", id: "dice", version: "2.0.0", origin: { from: "git", url, commit: second } });
  expect((await inner.files(signal)).map(({ path, bytes }) => [path, String(Buffer.from(bytes))])).toEqual(Object.entries(plugin("2.0.0")));
  for (const ref of ["v1", "v1-annotated", "old", "refs/tags/v1", first])
    expect(await resolve({ url, ref })).toMatchObject({ version: "1.0.0", origin: { commit: first } });
  // A tag counts before a branch of its name.
  expect(await resolve({ url, ref: "v2" })).toMatchObject({ origin: { commit: second } });
  expect(leftovers()).toEqual([]);
});

test("what a lock names comes again, wherever the branch leads now", async () => {
  const { folder, url, commit } = repository();
  commit(plugin("1.0.0"));
  const { origin, ...locked } = await resolve({ url, ref: "main" });
  if (origin.from !== "git") throw new Error("expected a repository");
  commit(plugin("2.0.0"));
  const files = await gitPackages.exactly(origin, locked).files(signal);
  expect(String(Buffer.from(files.find(({ path }) => path === "plugin.ts")!.bytes))).toBe('export default "1.0.0";');
  git(folder, "checkout", "--quiet", "--orphan", "other");
  commit(plugin("3.0.0"));
  git(folder, "branch", "--delete", "--force", "main");
  git(folder, "reflog", "expire", "--expire=now", "--all");
  git(folder, "gc", "--quiet", "--prune=now");
  expect(await failureOf(gitPackages.exactly(origin, locked).files(signal))).toMatchObject({ code: expect.stringMatching(/^REGISTRY_/) });
  expect(await failureOf(Promise.resolve().then(() => gitPackages.exactly({ ...origin, commit: "--help" }, locked)))).toMatchObject({
    code: "REGISTRY_CLIENT_WANTED_INVALID",
  });
});

test("a folder of a repository can hold the plugin", async () => {
  const { url, commit } = repository();
  commit({
    "plugins/one/plugin.json": plugin("1.0.0", "one")["plugin.json"],
    "plugins/two/SKILL.md": "---\nname: two\ndescription: Two.\n---\n2",
  });
  expect(await resolve({ url, inside: "plugins/one" })).toMatchObject({ id: "one", origin: { inside: "plugins/one" } });
  expect(await resolve({ url, inside: "plugins/two" })).toMatchObject({ kind: "skills", id: "two" });
  expect(await failureOf(resolve({ url }))).toMatchObject({ code: "REGISTRY_CLIENT_PACKAGE_INVALID" });
  for (const inside of ["plugins/three", "plugins/one/plugin.json"])
    expect(await failureOf(resolve({ url, inside }))).toMatchObject({ code: "REGISTRY_NOT_FOUND" });
});

test("links and repositories inside are refused, and so is what lies under names that mean something else elsewhere", async () => {
  const linked = repository();
  linked.commit(plugin("1.0.0"));
  symlinkSync("/etc/passwd", join(linked.folder, "passwd"));
  linked.commit({});
  expect(await failureOf(resolve({ url: linked.url }))).toMatchObject({
    code: "REGISTRY_ARCHIVE_INVALID",
    message: expect.stringContaining("a symbolic link"),
  });
  const inner = repository();
  inner.commit(plugin("1.0.0"));
  const outer = repository();
  outer.commit(plugin("1.0.0"));
  git(outer.folder, "submodule", "--quiet", "add", inner.url, "parts");
  outer.commit({});
  expect(await failureOf(resolve({ url: outer.url }))).toMatchObject({
    code: "REGISTRY_ARCHIVE_INVALID",
    message: expect.stringContaining("submodule"),
  });
  const odd = repository();
  odd.commit({ ...plugin("1.0.0"), "con.ts": "1" });
  expect(await failureOf(resolve({ url: odd.url }))).toMatchObject({
    code: "REGISTRY_ARCHIVE_INVALID",
    message: expect.stringContaining("device"),
  });
  expect(leftovers()).toEqual([]);
});

test("a repository that is larger than its bound is given up, and so is a file that a server keeps elsewhere", async () => {
  const { url, commit } = repository();
  commit({ ...plugin("1.0.0"), noise: Buffer.from(crypto.getRandomValues(new Uint8Array(300_000))).toString("base64") });
  expect(await failureOf(createGitPackages(web, 100_000).resolve({ from: "git", url }, signal))).toMatchObject({
    code: "REGISTRY_CLIENT_GIT_FAILED",
  });
  expect(await createGitPackages(web, 1_000_000).resolve({ from: "git", url }, signal)).toMatchObject({ version: "1.0.0" });
  commit({ model: `version https://host.invalid/git-lfs/v1\noid sha256:${"0".repeat(64)}\nsize 12345\n` });
  expect(await failureOf(resolve({ url }))).toMatchObject({
    code: "REGISTRY_ARCHIVE_INVALID",
    message: expect.stringContaining("Git LFS"),
  });
  expect(leftovers()).toEqual([]);
});

test("nothing that a repository or the machine has configured is run", async () => {
  const { folder, url, commit } = repository();
  const ran = join(base, "ran");
  const touch = `touch ${ran}`;
  commit({ ...plugin("1.0.0"), ".gitattributes": "* filter=evil\nplugin.ts filter=lfs export-subst\n" });
  for (const hook of ["post-checkout", "reference-transaction", "post-upload-pack", "pre-auto-gc"])
    writeFileSync(join(folder, ".git", "hooks", hook), `#!/bin/sh\n${touch}\n`, { mode: 0o755 });
  const home = join(base, "home");
  mkdirSync(home);
  writeFileSync(
    join(home, ".gitconfig"),
    `[core]\n\tfsmonitor = ${touch}\n\thooksPath = ${folder}/.git/hooks\n\tsshCommand = ${touch}\n[filter "evil"]\n\tsmudge = ${touch}\n[uploadpack]\n\tpackObjectsHook = ${touch}\n[url "ext::${touch} "]\n\tinsteadOf = ${url}\n`,
  );
  const before = { ...process.env };
  Object.assign(process.env, {
    HOME: home,
    GIT_SSH_COMMAND: touch,
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "core.fsmonitor",
    GIT_CONFIG_VALUE_0: touch,
    GIT_DIR: folder,
  });
  try {
    expect(await resolve({ url })).toMatchObject({ version: "1.0.0" });
  } finally {
    for (const name of ["HOME", "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0", "GIT_DIR"])
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
  }
  expect(existsSync(ran)).toBe(false);
  // It would have run for anybody else.
  Bun.spawnSync(["git", "status"], { cwd: folder, env: { PATH: process.env["PATH"], HOME: home } });
  expect(existsSync(ran)).toBe(true);
});

test("what is not there is said to be not there", async () => {
  const { url, commit } = repository();
  expect(await failureOf(resolve({ url }))).toMatchObject({
    code: "REGISTRY_NOT_FOUND",
    message: expect.stringContaining("no commit yet"),
  });
  commit(plugin("1.0.0"));
  expect(await failureOf(resolve({ url, ref: "v9" }))).toMatchObject({
    code: "REGISTRY_NOT_FOUND",
    message: expect.stringContaining("v9"),
  });
  expect(await failureOf(resolve({ url, ref: "0".repeat(40) }))).toMatchObject({ code: expect.stringMatching(/^REGISTRY_/) });
  expect(await failureOf(resolve({ url: `file://${base}/none` }))).toMatchObject({ code: "REGISTRY_CLIENT_GIT_FAILED" });
  expect(leftovers()).toEqual([]);
});

for (const shallow of [true, false])
  test(`a repository is fetched over http (${shallow ? "from git's own server" : "from plain files, which give no single commit"})`, async () => {
    const { folder, commit } = repository();
    const first = commit(plugin("1.0.0"));
    commit(plugin("2.0.0"));
    git(folder, "update-server-info");
    await using server = serveGit(folder, shallow);
    const url = `${server.origin}/x.git`;
    expect(await resolve({ url })).toMatchObject({ version: "2.0.0" });
    expect(await resolve({ url, ref: first })).toMatchObject({ version: "1.0.0" });
    expect(leftovers()).toEqual([]);
  });

test("a repository is fetched over ssh, which asks for nothing and is given no option by an address", async () => {
  const { folder, commit } = repository();
  commit(plugin("1.0.0"));
  const bin = join(base, "bin");
  const said = join(base, "ssh-arguments");
  mkdirSync(bin);
  // In the place of ssh: what the other side would run is run here.
  writeFileSync(join(bin, "ssh"), `#!/bin/sh\nprintf '%s\\n' "$@" > ${said}\nfor last; do :; done\nexec sh -c "$last"\n`, { mode: 0o755 });
  const path = process.env["PATH"];
  process.env["PATH"] = `${bin}:${path}`;
  try {
    expect(await resolve({ url: `git@host.invalid:${folder}` })).toMatchObject({
      version: "1.0.0",
      origin: { url: `ssh://git@host.invalid${folder}` },
    });
  } finally {
    process.env["PATH"] = path;
  }
  const given = readFileSync(said, "utf8").split("\n");
  expect(given).toContain("-oBatchMode=yes");
  expect(given).toContain("git@host.invalid");
});

test("who stops waiting stops git too", async () => {
  const asked = Promise.withResolvers<void>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      if (!request.headers.get("user-agent")?.startsWith("git/")) return new Response("");
      asked.resolve();
      return new Promise<Response>(() => undefined);
    },
  });
  const control = new AbortController();
  const outcome = failureOf(gitPackages.resolve({ from: "git", url: `${server.url}x.git` }, control.signal));
  await asked.promise;
  control.abort(new Error("enough"));
  expect(await outcome).toMatchObject({ message: "enough" });
  await server.stop(true);
  expect(leftovers()).toEqual([]);
});

interface GitServer extends AsyncDisposable {
  readonly origin: string;
}

/** `git http-backend` behind HTTP, as a server runs it; or the files as they lie there. */
function serveGit(folder: string, backend: boolean): GitServer {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const url = new URL(request.url);
      const path = url.pathname.replace(/^\/x\.git/, "/.git");
      if (!backend) {
        const file = Bun.file(join(folder, path));
        return (await file.exists()) ? new Response(file) : new Response("", { status: 404 });
      }
      const child = Bun.spawn(["git", "http-backend"], {
        env: {
          PATH: process.env["PATH"],
          GIT_PROJECT_ROOT: folder,
          GIT_HTTP_EXPORT_ALL: "1",
          PATH_INFO: path,
          QUERY_STRING: url.search.slice(1),
          REQUEST_METHOD: request.method,
          CONTENT_TYPE: request.headers.get("content-type") ?? "",
          GIT_PROTOCOL: request.headers.get("git-protocol") ?? "",
          HTTP_CONTENT_ENCODING: request.headers.get("content-encoding") ?? "",
          REMOTE_ADDR: "127.0.0.1",
        },
        stdin: Buffer.from(await request.arrayBuffer()),
        stdout: "pipe",
        stderr: "ignore",
      });
      const answer = Buffer.from(await new Response(child.stdout).arrayBuffer());
      const end = answer.indexOf("\r\n\r\n");
      const headers = answer
        .toString("latin1", 0, end)
        .split("\r\n")
        .map((line) => line.split(": ", 2) as [string, string]);
      const status = Number(headers.find(([name]) => name === "Status")?.[1].slice(0, 3) ?? 200);
      return new Response(answer.subarray(end + 4), { status, headers: headers.filter(([name]) => name !== "Status") });
    },
  });
  return { origin: server.url.origin, [Symbol.asyncDispose]: () => server.stop(true) };
}
