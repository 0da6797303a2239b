import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import { createCliHome } from "../tests/support/cli.ts";
import { checkPlugin, type Step } from "./check.ts";
import { createPlugin } from "./create.ts";
import { differenceOf } from "./difference.ts";
import { reviewPermissions } from "./permission-review.ts";

const pincer = join(import.meta.dir, "..");
let folder: string;
beforeAll(async () => {
  folder = join(mkdtempSync(join(tmpdir(), "pincer-check-")), "owl");
  await createPlugin({ kind: "blank", id: "owl", folder, takenBy: undefined, pincer, clock });
  // The template's own tests run elsewhere; here one is enough.
  writeFileSync(join(folder, "plugin.test.ts"), 'import { test } from "bun:test";\ntest("nothing", () => undefined);\n');
});
afterAll(() => rmSync(join(folder, ".."), { recursive: true, force: true }));

async function check(): Promise<Record<Step["name"], Step>> {
  const steps: [string, Step][] = [];
  for await (const step of checkPlugin(folder, { clock, pincer, home: join(folder, "..", "home") })) steps.push([step.name, step]);
  expect(steps.map(([name]) => name)).toEqual(["manifest", "types", "tests", "permissions", "size"]);
  return Object.fromEntries(steps) as Record<Step["name"], Step>;
}
async function changed(file: string, change: (text: string) => string, look: () => Promise<void>): Promise<void> {
  const path = join(folder, file);
  const text = await readFile(path, "utf8");
  writeFileSync(path, change(text));
  try {
    await look();
  } finally {
    writeFileSync(path, text);
  }
}

test("each step has its verdict, and one that fails does not hide the others", async () => {
  const { manifest, types, tests, size } = await check();
  expect([manifest.verdict, types.verdict, tests.verdict]).toEqual(["passed", "passed", "passed"]);
  expect(manifest.summary).toBe("owl 0.1.0, in step with the code");
  expect(size.size).toMatchObject({ files: 5, dependencies: [] });

  await changed(
    "plugin.ts",
    (text) => text.replace("Greets somebody by name.", "Greets anybody.").replace("if (name.trim()", "if (name.trimm()"),
    async () => {
      const found = await check();
      expect(found.manifest).toMatchObject({ verdict: "failed", summary: "not in step with the code" });
      expect(found.manifest.lines).toEqual([
        `${join(folder, "plugin.json")} is not what the code says: run "pincer plugin build ${folder}" and commit it`,
        'generated/methods/owl.greet/summary: "Greets somebody by name.", in the code "Greets anybody."',
      ]);
      expect(found.types).toMatchObject({ verdict: "failed", summary: "1 mistake" });
      expect(found.types.lines[0]).toMatch(/^plugin\.ts\(\d+,\d+\): error TS/);
      // They would all fail by it, and say so each.
      expect(found.tests).toMatchObject({
        verdict: "skipped",
        summary: expect.stringContaining("before the manifest is in order"),
        lines: [],
      });
    },
  );
}, 120_000);

test("a pipe in the place of a file keeps nobody waiting, and what a link leads to is not packed", async () => {
  const home = mkdtempSync(join(tmpdir(), "pincer-check-home-"));
  const steps = async (id: string, put: (inside: string) => void) => {
    const inside = join(home, "plugins", id, "1");
    mkdirSync(join(inside, "dist"), { recursive: true });
    writeFileSync(join(inside, "plugin.json"), JSON.stringify({ id, version: "0.1.0", sdk: "^0.1.0", summary: "x", entry: "plugin.ts" }));
    put(inside);
    const found: Step[] = [];
    for await (const step of checkPlugin(inside, { clock, pincer, home })) found.push(step);
    return Object.fromEntries(found.map(({ name, verdict, size }) => [name, size?.files ?? verdict]));
  };
  const pipe = (path: string) => {
    rmSync(path, { force: true });
    expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
  };
  const sized = { permissions: "passed", size: 1 };
  expect(await steps("piper", (inside) => pipe(join(inside, "dist", "plugin.js")))).toMatchObject(sized);
  expect(await steps("linker", (inside) => symlinkSync("/etc/hostname", join(inside, "dist", "plugin.js")))).toMatchObject(sized);
  for (const name of ["plugin.json", "package.json"])
    expect(await steps(`no-${name.replace(".", "-")}`, (inside) => pipe(join(inside, name)))).toMatchObject({ size: "skipped" });
  rmSync(home, { recursive: true });
});

test("of what is installed no code is run", async () => {
  const home = mkdtempSync(join(tmpdir(), "pincer-check-home-"));
  const installed = join(home, "plugins", "owl", "1");
  cpSync(folder, installed, { recursive: true, filter: (path) => !path.includes("node_modules") });
  const mark = join(home, "ran");
  for (const file of ["plugin.ts", "plugin.test.ts"])
    writeFileSync(join(installed, file), `import { writeFileSync } from "node:fs";\nwriteFileSync(${JSON.stringify(mark)}, "");\n`);
  const steps: string[] = [];
  for await (const { name, verdict } of checkPlugin(installed, { clock, pincer, home })) steps.push(`${name} ${verdict}`);
  expect(steps).toEqual(["manifest skipped", "types skipped", "tests skipped", "permissions passed", "size passed"]);
  expect(existsSync(mark)).toBe(false);
  rmSync(home, { recursive: true });
});

test("a test that fails is named, and a plugin without tests is not in order", async () => {
  await changed(
    "plugin.test.ts",
    (text) => `${text}test("two is three", () => { if (2 + 2 === 4) throw new Error("it is four"); });\n`,
    async () => {
      const { tests } = await check();
      expect(tests).toMatchObject({ verdict: "failed", summary: "1 of 2 tests failed" });
      expect(tests.lines.join("\n")).toContain("it is four");
    },
  );
  await changed(
    "plugin.test.ts",
    () => "",
    async () => expect((await check()).tests).toMatchObject({ verdict: "failed", summary: "there are none: write plugin.test.ts" }),
  );
}, 120_000);

test("what cannot be looked at is skipped, and says why", async () => {
  const types = async (where: string) => {
    const steps = checkPlugin(folder, { clock, pincer: where, home: "/nowhere" });
    await steps.next();
    const { value } = await steps.next();
    await steps.return();
    return value;
  };
  expect(await types("/nonexistent")).toMatchObject({ verdict: "skipped", summary: expect.stringContaining("bun add --dev typescript") });
  await changed(
    "tsconfig.json",
    (text) => text,
    async () => {
      rmSync(join(folder, "tsconfig.json"));
      expect(await types(pincer)).toMatchObject({ verdict: "skipped", summary: expect.stringContaining("there is no tsconfig.json") });
    },
  );
}, 120_000);

test("the command ends with 1 when a step failed, and tells it all as JSON", async () => {
  await using home = createCliHome();
  const manifest = await readFile(join(folder, "plugin.json"), "utf8");
  writeFileSync(
    join(folder, "plugin.json"),
    manifest.replace('"entry": "plugin.ts"', '"entry": "plugin.ts", "permissions": { "exec": ["git"] }'),
  );
  const { code, out } = await home.pincer(["plugin", "check", folder]);
  expect(code).toBe(1);
  expect(out).toContain("RISKY  It can run the program git, which may do whatever you may do.");
  expect(out).toMatch(/not in order: manifest\n$/);
  const json = await home.json<{ ok: boolean; steps: Step[] }>(["plugin", "check", folder]);
  expect(json.ok).toBe(false);
  expect(json.steps.find(({ name }) => name === "permissions")).toMatchObject({
    permissions: [{ risk: "high", permission: "exec git" }],
    offers: [{ what: "methods", names: ["owl.greet (operator.write)"] }],
  });
}, 120_000);

test("a folder without a plugin is refused with what was expected and what to do, and nothing in it is run", async () => {
  await using home = createCliHome();
  const above = join(folder, "..");
  for (const [words, said] of [
    [["check", join(above, "nowhere")], /there is no .*nowhere: look at the name, or "pincer plugin new" makes one/],
    [["check", above], /holds none: name one of those in it: owl/],
    [["build", above], /holds none: name one of those in it: owl/],
    [["check", join(folder, "plugin.ts")], /plugin\.ts is a file: name the folder that it is in/],
  ] as const) {
    const { code, out, err } = await home.pincer(["plugin", ...words]);
    expect({ words, code, out }).toEqual({ words, code: 1, out: "" });
    expect(err).toMatch(/^error expected the folder of a plugin, which holds a plugin\.json, and /);
    expect(err).toMatch(said);
  }
}, 120_000);

test("of many differences a handful is shown", () => {
  const many = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`m${n}`, n]));
  expect(differenceOf({ methods: many }, { methods: {} })).toEqual([
    ...[0, 1, 2, 3, 4].map((n) => `methods/m${n}: the code no longer has it`),
    "... and 4 more",
  ]);
  expect(differenceOf({ a: [1, 2] }, { a: [1, "x".repeat(90)], b: null })).toEqual([
    `a/1: 2, in the code "${"x".repeat(59)}...`,
    "b: only the code has it",
  ]);
  expect(differenceOf({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })).toEqual([]);
});

test("every permission is a sentence, the dangerous ones last", () => {
  const found = reviewPermissions({
    exec: ["git"],
    sockets: ["/var/run/docker.sock", "/run/other.sock"],
    net: [
      "public",
      "api.example.com:443",
      "*.example.com:443",
      "api.*.example.com:443",
      "config:/baseUrl",
      "secret:HOST",
      "127.0.0.1:11434",
      "[::1]:80",
    ],
    files: { read: ["~/notes", "/"], write: ["~/notes"] },
    secrets: ["TOKEN", "config:/accounts/*/key"],
    scopes: ["operator.read", "operator.admin"],
    limits: { memoryMb: 512, processes: 4 },
  });
  expect(found.map(({ text }) => text)).toEqual([
    "It asks for up to 512 MB of memory, 4 processes.",
    "It can reach api.example.com (port 443).",
    "It can reach the address that you set for it at /baseUrl.",
    "It can reach the address that you keep in the secret HOST.",
    "It can reach every host whose name ends in .example.com (port 443).",
    "It can reach every host named api.*.example.com (port 443), whatever stands for the *.",
    "It can reach the service on port 11434 of this machine.",
    "It can reach the service on port 80 of this machine.",
    "It can read the secret TOKEN.",
    "It can read the secret that you name at /accounts/*/key.",
    "It can read every file in ~/notes.",
    "It can read your conversations, your settings and what the gateway does.",
    "It can reach any public address on the internet, and send there whatever it knows.",
    "It can read every file in /.",
    "It can change everything in the gateway: settings, plugins, devices, secrets.",
    "It can change and delete every file in ~/notes.",
    "It can control the containers of this machine through /var/run/docker.sock, which is as much as being its administrator.",
    "It can speak to the program that listens at /run/other.sock.",
    "It can run the program git, which may do whatever you may do.",
  ]);
  expect(reviewPermissions()).toEqual([]);
});
