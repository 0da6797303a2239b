/** A plugin that nobody trusts, as an author would write it, in a gateway's host: what its manifest names works, and nothing else does. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import type { PluginHost } from "../../plugin-host/host.ts";
import type { PluginLimits } from "../../plugin-host/limits.ts";
import { defaultLimits, type HostKit, startHost, writePlugin } from "../fixtures/plugin-host.ts";

const confined = testWith("bubblewrap");
const repository = dirname(dirname(import.meta.dir));
const call = {
  connection: { caps: new Set() },
  role: "operator",
  scopes: [],
  signal: new AbortController().signal,
  accepted: () => undefined,
} as never;
const invoke = async (host: PluginHost, method: string, params: unknown = {}) =>
  (await host.methods.find(method)!.resolve()).invoke(params, call);

/** Each call tries one thing, and answers with what came of it or with the error. */
const source = `
import { definePlugin } from "@pincer/plugin-sdk";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
import { readFileSync, writeFileSync, existsSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
const tries = defineMethod({ name: "guest.tries", summary: "x", scope: "operator.read", params: Type.Object({ what: Type.String(), on: Type.String() }), result: Type.Object({ came: Type.String() }) });
const attempts = {
  reads: (path) => readFileSync(path, "utf8"),
  writes: (path) => (writeFileSync(path, "guest"), "written"),
  sees: (path) => String(existsSync(path)),
  runs: (binary) => { const { stdout, error } = spawnSync(binary, ["hello"]); if (error) throw error; return String(stdout); },
  fetches: async (url) => (await fetch(url)).text(),
  environment: (name) => String(process.env[name]),
  fills: (mb) => (writeFileSync("/pincer/data/much", Buffer.alloc(Number(mb) * 1e6, 1)), "filled"),
};
export default definePlugin({ setup(ctx) {
  attempts.asks = (url) => ctx.fetch(url).then((answer) => answer.text());
  attempts.keeps = (text) => (writeFileSync(join(ctx.dataDir, "note"), text), readFileSync(join(ctx.dataDir, "note"), "utf8"));
  attempts.values = (kb) => ctx.store.set({ ["k" + kb]: "v".repeat(Number(kb) * 1000) }).then(() => "kept");
  attempts.forgets = (kb) => ctx.store.set({ ["k" + kb]: undefined }).then(() => "forgotten");
  attempts.secret = async (name) => String(await ctx.secret(name));
  attempts.hogs = () => { const kept = []; for (;;) kept.push(new Uint8Array(8e6).fill(1)); };
  attempts.forks = async () => { for (let n = 0; n < 200; n++) Bun.spawn([process.execPath, "-e", "setInterval(() => {}, 1e6)"]); await new Promise(() => {}); };
  ctx.method(tries, async ({ what, on }) => ({ came: await Promise.try(() => attempts[what](on)).catch((error) => "error: " + (error.code ?? error.message)) }));
} });`;

interface Guest extends AsyncDisposable {
  readonly kit: HostKit;
  readonly folder: string;
  tries(what: string, on?: string): Promise<string>;
}

/** Installed, and so not trusted. `changed`: files that its author put there when the manifest stood. */
async function startGuest(
  permissions: object,
  code = source,
  secrets: Readonly<Record<string, string>> = {},
  changed: Readonly<Record<string, string>> = {},
  limits: Partial<PluginLimits> = {},
  id = "guest",
  config?: object,
): Promise<Guest> {
  const folder = mkdtempSync(join(tmpdir(), "pincer-guest-"));
  symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
  await writePlugin(join(folder, "made"), id, code, { permissions });
  const installed = join(folder, "installed");
  mkdirSync(join(installed, id), { recursive: true });
  renameSync(join(folder, "made", id), join(installed, id, "1"));
  for (const [name, text] of Object.entries(changed)) writeFileSync(join(installed, id, "1", name), text);
  const kit = await startHost({
    clock: systemClock,
    roots: [{ path: installed, layout: "installed", enabled: true }],
    config: { plugins: { [id]: { isolation: "process", ...(config && { config }) } } },
    limits: () => ({ ...defaultLimits, ...limits }),
    secret: async (name, plugin) => secrets[name] ?? `${name} of ${plugin}`,
  });
  return {
    kit,
    folder,
    tries: async (what, on = "") => ((await invoke(kit.host, "guest.tries", { what, on })) as { came: string }).came,
    async [Symbol.asyncDispose]() {
      await kit[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

confined("an installed plugin runs confined, with what its manifest names and nothing else", async () => {
  using served = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("declared") });
  using other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("undeclared") });
  const shared = mkdtempSync(join(tmpdir(), "pincer-shared-"));
  writeFileSync(join(shared, "page"), "shared");
  const closed = mkdtempSync(join(tmpdir(), "pincer-closed-"));
  writeFileSync(join(closed, "page"), "closed");
  await using guest = await startGuest({
    net: [`127.0.0.1:${served.port}`],
    files: { read: [shared] },
    exec: ["echo"],
    secrets: ["GUEST_KEY"],
  });
  const { kit, tries } = guest;
  expect(await tries("keeps", "a note")).toBe("a note");
  expect(kit.host.inspect("guest")).toMatchObject({ isolation: "process", enforced: true, state: "active" });
  // Kept with what it was made of, so that the next start needs not make it again.
  const kept = readdirSync(join(kit.home, "cache", "confined")).map((name) => extname(name));
  expect(kept.sort()).toEqual([".js", ".json", ".map"]);

  expect(await tries("reads", join(shared, "page"))).toBe("shared");
  expect(await tries("writes", join(shared, "page"))).toBe("error: EROFS");
  expect(await tries("reads", join(closed, "page"))).toBe("error: ENOENT");
  expect(await tries("sees", closed)).toBe("false");
  expect(await tries("sees", kit.home)).toBe("false");
  expect(await tries("reads", "/etc/passwd")).toBe("error: ENOENT");

  expect(await tries("fetches", served.url.href)).toBe("declared");
  expect(await tries("asks", served.url.href)).toBe("declared");
  expect(await tries("fetches", other.url.href)).toMatch(/^error: /);
  expect(await tries("asks", other.url.href)).toBe("error: PLUGIN_PERMISSION");
  expect(await tries("fetches", "http://example.com/")).toMatch(/^error: /);

  expect(await tries("runs", Bun.which("echo")!)).toBe("hello\n");
  expect(await tries("runs", "/bin/sh")).toMatch(/^error: (ENOENT|EACCES|EPERM)/);
  expect(await tries("secret", "GUEST_KEY")).toBe("GUEST_KEY of guest");
  expect(await tries("secret", "OPENAI_API_KEY")).toBe("error: PLUGIN_PERMISSION");
  expect(await tries("environment", "PATH")).not.toBe(process.env["PATH"]);
  expect(await tries("environment", "PINCER_TOKEN")).toBe("undefined");
  // Bun's own limit is 256 requests at a time, which whoever asks the plugin could use up.
  expect(await tries("environment", "BUN_CONFIG_MAX_HTTP_REQUESTS")).toBe("4096");
  for (const folder of [shared, closed]) rmSync(folder, { recursive: true });
});

confined(
  "one whose permissions the operator's words are part of is held to what they say now, by a generation of its own",
  async () => {
    const serve = (text: string) => Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(text) });
    using first = serve("first");
    using second = serve("second");
    using third = serve("third");
    const shared = mkdtempSync(join(tmpdir(), "pincer-shared-"));
    writeFileSync(join(shared, "page"), "shared");
    const config = `config: Type.Object({ url: Type.String(), folder: Type.Optional(Type.String()), tone: Type.Optional(Type.String()) }),`;
    const code = source.replace("definePlugin({ ", `definePlugin({ ${config} `);
    const secrets: Record<string, string> = { GUEST_URL: "127.0.0.1:9" };
    const permissions = { net: ["config:/url", "secret:GUEST_URL"], files: { read: ["config:/folder"] } };
    await using guest = await startGuest(permissions, code, secrets, {}, {}, "guest", { url: first.url.href });
    const { kit, tries } = guest;
    const follows = async (config: object) => {
      await kit.configure({ plugins: { guest: { isolation: "process", config } } });
      await kit.host.refresh();
    };
    const reached = () => Promise.all([first, second, third].map(({ url }) => tries("fetches", url.href)));
    const [refused, generation] = [expect.stringMatching(/^error: /), () => kit.host.inspect("guest").generation];
    expect(await reached()).toEqual(["first", refused, refused]);

    await follows({ url: second.url.href });
    expect(await reached()).toEqual([refused, "second", refused]);
    secrets["GUEST_URL"] = third.url.href;
    await kit.host.secretsChanged(Promise.resolve());
    expect(await reached()).toEqual([refused, "second", "third"]);
    expect(generation()).toBe(3);
    await follows({ url: second.url.href, tone: "kind" });
    expect(generation()).toBe(3);

    // What cannot be given leaves what was, and is told.
    await follows({ url: second.url.href, folder: join(shared, "nowhere") });
    const { fields } = await kit.logged("plugin.permissions-stale");
    expect(fields).toMatchObject({ plugin: "guest", error: expect.stringContaining("which does not exist") });
    expect(await reached()).toEqual([refused, "second", "third"]);
    await follows({ url: second.url.href, folder: shared });
    expect(await tries("reads", join(shared, "page"))).toBe("shared");
    expect(await reached()).toEqual([refused, "second", "third"]);
    rmSync(shared, { recursive: true });
  },
  120_000,
);

confined("a program is run by the name that the manifest gives it, also where that is a link", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pincer-programs-"));
  const say = join(folder, "say");
  symlinkSync(Bun.which("echo")!, say);
  await using guest = await startGuest({ exec: [say] });
  expect(await guest.tries("runs", say)).toBe("hello\n");
  rmSync(folder, { recursive: true });
});

confined("a folder of the gateway's home is not for who was installed to name", async () => {
  await using guest = await startGuest({ files: { read: ["workspace"] } });
  await expect(guest.tries("keeps", "a note")).rejects.toMatchObject({
    code: "PLUGIN_PERMISSION",
    message: expect.stringContaining('"workspace": expected an absolute path'),
  });
});

const ofTheHome = [
  ["write", "cache/processes"],
  ["write", "cache/runtime"],
  ["read", "data/other"],
  ["read", "pincer.json5"],
  ["exec", "pincer.json5"],
] as const;
for (const [access, place] of ofTheHome)
  confined(`nor by its whole path: to ${access} in ${place}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "pincer-guest-"));
    const installed = join(folder, "installed");
    mkdirSync(join(installed, "guest"), { recursive: true });
    symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
    await using kit = await startHost({
      clock: systemClock,
      roots: [{ path: installed, layout: "installed", enabled: true }],
      config: { plugins: { guest: { isolation: "process" } } },
      async prepare(plugins) {
        const home = dirname(plugins);
        const named = join(home, place);
        if (!place.includes(".")) mkdirSync(named, { recursive: true });
        await writePlugin(join(folder, "made"), "guest", source, {
          permissions: access === "exec" ? { exec: [named] } : { files: { [access]: [named] } },
        });
        renameSync(join(folder, "made", "guest"), join(installed, "guest", "1"));
      },
    });
    const came = await invoke(kit.host, "guest.tries", { what: "sees", on: join(kit.home, place) }).catch((error: unknown) => error);
    rmSync(folder, { recursive: true, force: true });
    expect(came).toMatchObject({ code: "PLUGIN_PERMISSION" });
  });

/** Of a plugin that has one method, which says what its author found out when it was bundled. */
const telling = (prelude: string, came: string) => `
${prelude}
import { definePlugin } from "@pincer/plugin-sdk";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const tries = defineMethod({ name: "guest.tries", summary: "x", scope: "operator.read", params: Type.Object({ what: Type.String(), on: Type.String() }), result: Type.Object({ came: Type.String() }) });
export default definePlugin({ setup(ctx) { ctx.method(tries, () => ({ came: String(${came}) })); } });`;

confined(
  "to bundle one is to run none of it with the gateway's rights, and to read no file but its own",
  async () => {
    const outside = mkdtempSync("/var/tmp/pincer-bundled-");
    writeFileSync(join(outside, "secret.txt"), "the secret");
    writeFileSync(join(outside, "package.json"), "{}");
    const attempts: Readonly<Record<string, readonly [came: RegExp, code: string, changed?: Record<string, string>]>> = {
      "a macro that reads": [
        /^ENOENT$/,
        telling('import { found } from "./macro.ts" with { type: "macro" };', "found()"),
        {
          "macro.ts": `import { readFileSync } from "node:fs";
export const found = () => { try { return readFileSync(${JSON.stringify(join(outside, "secret.txt"))}, "utf8"); } catch (error) { return error.code; } };`,
        },
      ],
      "a macro that writes": [
        /^(ENOENT|EROFS)$/,
        telling('import { found } from "./macro.ts" with { type: "macro" };', "found()"),
        {
          "macro.ts": `import { writeFileSync } from "node:fs";
export const found = () => { try { writeFileSync(${JSON.stringify(join(outside, "written"))}, "x"); return "written"; } catch (error) { return error.code; } };`,
        },
      ],
      "a macro that looks at the gateway's environment": [
        /^none$/,
        telling('import { found } from "./macro.ts" with { type: "macro" };', "found()"),
        { "macro.ts": "export const found = () => process.env.PINCER_TEST_SECRET ?? 'none';" },
      ],
      "an import of a file as text": [
        /PLUGIN_LOAD_FAILED/,
        telling(`import found from ${JSON.stringify(join(outside, "secret.txt"))} with { type: "text" };`, "found"),
      ],
      "an import of what lies above its folder": [/PLUGIN_LOAD_FAILED/, telling('import found from "above";', "found")],
      "a macro without end": [
        /PLUGIN_LOAD_FAILED/,
        telling('import { found } from "./macro.ts" with { type: "macro" };', "found()"),
        { "macro.ts": "export const found = () => { const kept = []; for (;;) kept.push(new Uint8Array(8e6).fill(1)); };" },
      ],
    };
    process.env["PINCER_TEST_SECRET"] = "the secret";
    const came: Record<string, string> = {};
    for (const [name, [, code, changed]] of Object.entries(attempts)) {
      await using guest = await startGuest({}, undefined, {}, { "plugin.ts": code, ...changed });
      const above = join(guest.folder, "installed", "node_modules", "above");
      mkdirSync(above, { recursive: true });
      writeFileSync(join(above, "index.js"), "export default 'the secret';");
      came[name] = await guest.tries("it").catch((error) => `${error.code}`);
    }
    delete process.env["PINCER_TEST_SECRET"];
    for (const [name, [expected]] of Object.entries(attempts)) expect([name, came[name]]).toEqual([name, expect.stringMatching(expected)]);
    expect(existsSync(join(outside, "written"))).toBe(false);
    rmSync(outside, { recursive: true });
  },
  120_000,
);

/** What a macro says in the bundler's place. */
const saying = (descriptor: 1 | 2, text: string) => `
import { writeSync } from "node:fs";
export const found = () => {
  const bytes = Buffer.from(${text});
  for (let at = 0; at < bytes.length; ) try { at += writeSync(${descriptor}, bytes, at); } catch (error) { if (error.code !== "EAGAIN") throw error; }
  process.exit(${descriptor - 1});
};`;
const macro = telling('import { found } from "./macro.ts" with { type: "macro" };', "found()");

confined(
  "what a source says in the bundler's place costs the gateway no more than to read it",
  async () => {
    await using list = await startGuest({});
    const own = join(list.folder, "installed", "guest", "1");
    const files = `"x\\n[" + Array(Math.floor(50e6 / ${own.length + 5})).fill(${JSON.stringify(JSON.stringify(join(own, "x")))}).join() + "]"`;
    writeFileSync(join(own, "macro.ts"), saying(1, files));
    writeFileSync(join(own, "plugin.ts"), macro);
    const [used, before] = [process.cpuUsage(), process.memoryUsage.rss()];
    await expect(list.tries("it")).rejects.toThrow();
    expect(process.cpuUsage(used).user / 1_000).toBeLessThan(10_000);
    expect(process.memoryUsage.rss() - before).toBeLessThan(1e9);

    const complaint = `"\\n" + JSON.stringify({ message: "m", position: { file: "f".repeat(20e6), line: 1, column: 1 } })`;
    await using place = await startGuest({}, undefined, {}, { "plugin.ts": macro, "macro.ts": saying(2, complaint) });
    const error = await place.tries("it").catch((error: Error) => error);
    expect(String((error as Error).message).length).toBeLessThan(20_000);
    for (const { fields } of place.kit.lines) expect(JSON.stringify(fields).length).toBeLessThan(40_000);
  },
  120_000,
);

confined("a mistake in one is told with its file and line", async () => {
  await using guest = await startGuest({}, undefined, {}, { "plugin.ts": "import { x } from './gone.ts';\nexport default x;" });
  await expect(guest.tries("it")).rejects.toMatchObject({ code: "PLUGIN_LOAD_FAILED", data: { file: "plugin.ts", line: 1 } });
});

for (const what of ["hogs", "forks"])
  confined(`one that ${what} past its limits is ended alone, and serves again at the next call`, async () => {
    await using guest = await startGuest({ limits: { memoryMb: 96, processes: 4 } });
    const { kit, tries } = guest;
    await tries("keeps", "a note");
    const outcome = await tries(what).catch((error) => error.code);
    expect(String(outcome)).toMatch(/^(PLUGIN_GONE|error: )/);
    // What the system itself had refused may be seen a moment later, and ends the next call with the process.
    const again = () => tries("keeps", "another");
    const isEnded = (error: { readonly code?: string }) => outcome !== "PLUGIN_GONE" && error.code === "PLUGIN_GONE";
    expect(await again().catch((error) => (isEnded(error) ? again() : Promise.reject(error)))).toBe("another");
    expect(kit.host.inspect("guest").state).toBe("active");
  });

confined(
  "one keeps values and files up to a bound, and is told which",
  async () => {
    await using guest = await startGuest({}, undefined, {}, {}, { valuesMb: 1, dataMb: 8, watchMs: 50 });
    const { kit, tries } = guest;
    expect([await tries("values", "400"), await tries("values", "500"), await tries("values", "401")]).toEqual([
      "kept",
      "kept",
      "error: PLUGIN_QUOTA",
    ]);
    expect([await tries("values", "500"), await tries("forgets", "500"), await tries("values", "401")]).toEqual([
      "kept",
      "forgotten",
      "kept",
    ]);

    expect(await tries("fills", "3")).toBe("filled");
    await tries("fills", "12").catch(() => undefined);
    const { fields } = await kit.logged("plugin.crashed");
    expect(fields).toMatchObject({
      plugin: "guest",
      error: expect.stringContaining("its files take more than 8 MB (gateway.plugins.dataMb)"),
    });
    const data = join(kit.home, "data", "guest");
    await expect(tries("values", "1")).rejects.toMatchObject({ code: "PLUGIN_QUOTA", message: expect.stringContaining(data) });
    rmSync(join(data, "much"));
    await kit.host.refresh();
    expect(await tries("keeps", "a note")).toBe("a note");
  },
  120_000,
);

confined(
  "a default of its author's permits nothing: what its configuration names counts when the operator wrote it",
  async () => {
    using served = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("served") });
    const folder = mkdtempSync("/var/tmp/pincer-own-");
    writeFileSync(join(folder, "note"), "the note");
    const places = { url: served.url.href, folder, program: "/bin/echo", key: { secret: "GUEST_KEY" } };
    const config = Object.entries(places).map(([name, place]) => `${name}: Type.Unknown({ default: ${JSON.stringify(place)} })`);
    const code = source.replace("definePlugin({ setup", `definePlugin({ config: Type.Object({ ${config.join(", ")} }), setup`);
    const permissions = {
      net: ["config:/url"],
      files: { read: ["config:/folder"], write: ["config:/folder"] },
      exec: ["config:/program"],
      secrets: ["config:/key"],
    };
    const came = async (written: object) => {
      await using guest = await startGuest(permissions, code, { GUEST_KEY: "the key" }, {}, {}, "guest", written);
      const on = { reads: join(folder, "note"), runs: "/bin/echo", fetches: served.url.href, secret: "GUEST_KEY" };
      return Object.fromEntries(await Promise.all(Object.entries(on).map(async ([what, on]) => [what, await guest.tries(what, on)])));
    };
    expect(await came({})).toEqual({
      reads: "error: ENOENT",
      runs: "error: ENOENT",
      fetches: expect.stringMatching(/^error: (ConnectionRefused|ECONNREFUSED|FailedToOpenSocket)/),
      secret: "error: PLUGIN_PERMISSION",
    });
    expect(await came(places)).toEqual({ reads: "the note", runs: "hello\n", fetches: "served", secret: "the key" });
    rmSync(folder, { recursive: true });
  },
  120_000,
);

for (const [how, kept] of [
  ["held open", "globalThis.kept = openSync(path, 'r')"],
  ["mapped", "globalThis.kept = Bun.mmap(path)"],
] as const)
  confined(`a file that has no name any more counts while it is ${how}`, async () => {
    const code = source
      .replace(
        "attempts.asks =",
        `attempts.hides = (mb) => { const path = ctx.dataDir + "/f"; writeFileSync(path, Buffer.alloc(Number(mb) * 1e6, 1)); ${kept}; unlinkSync(path); return "hidden"; };
       attempts.asks =`,
      )
      .replace("readFileSync,", "openSync, readFileSync, unlinkSync,");
    await using guest = await startGuest({}, code, {}, {}, { dataMb: 8, watchMs: 50 });
    expect(await guest.tries("hides", "3")).toBe("hidden");
    await guest.tries("hides", "24").catch(() => undefined);
    const { fields } = await guest.kit.logged("plugin.crashed");
    expect(fields).toMatchObject({ error: expect.stringContaining("its files take more than 8 MB (gateway.plugins.dataMb)") });
  });

confined("one that is called like the first word of the gateway's hooks has no say in them for that", async () => {
  const code = `
import { definePlugin } from "@pincer/plugin-sdk";
import { promptBuilding } from "@pincer/plugin-sdk/hooks";
export default definePlugin({ setup(ctx) { ctx.hook(promptBuilding, () => ({ sessionKey: "", agentId: "", runId: "", sections: [] })); } });`;
  await using guest = await startGuest({}, code, {}, {}, {}, "prompt");
  await expect(guest.kit.host.activate("prompt")).rejects.toMatchObject({
    code: "PLUGIN_PERMISSION",
    message: expect.stringContaining("operator.write"),
  });
});

const meddling = (what: string) => `
import { definePlugin } from "@pincer/plugin-sdk";
import { media } from "@pincer/plugin-sdk/contracts/media";
import { policy } from "@pincer/plugin-sdk/contracts/policy";
import { promptBuilding } from "@pincer/plugin-sdk/hooks";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const tries = defineMethod({ name: "guest.tries", summary: "x", scope: "operator.read", params: Type.Object({ what: Type.String(), on: Type.String() }), result: Type.Object({ came: Type.String() }) });
export default definePlugin({ setup(ctx) {
  ctx.method(tries, () => ({ came: "in" }));
  ${what}
} });`;

for (const [what, scope, code] of [
  ["hear what others say", "operator.write", "ctx.hook(promptBuilding, (prompt) => prompt);"],
  ["read what others send", "operator.write", 'ctx.provide(media, "guest", {}, { prepare: async () => ({}) });'],
  ["decide which tools run", "operator.admin", 'ctx.provide(policy, "guest", {}, { decide: async () => ({ allow: true }) });'],
] as const)
  confined(`one that would ${what} runs only when its manifest names the scope for it`, async () => {
    await using without = await startGuest({}, meddling(code));
    await expect(without.tries("anything")).rejects.toMatchObject({ code: "PLUGIN_PERMISSION", message: expect.stringContaining(scope) });
    await using named = await startGuest({ scopes: [scope] }, meddling(code));
    expect(await named.tries("anything")).toBe("in");
  });
