import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "@pincer/plugin-sdk";
import { editJson5 } from "@pincer/plugin-sdk/json5-edit";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { type Static, Type } from "@sinclair/typebox";
import { createConfig, describeIssue, type Snapshot } from "./config.ts";

const Gateway = Type.Object(
  {
    port: Type.Integer({ minimum: 0, maximum: 65_535, default: 18_789 }),
    bind: Type.String({ default: "loopback" }),
    auth: Type.Object({ token: Type.Optional(Type.String({ minLength: 1 })) }, { default: {} }),
    hosts: Type.Array(Type.String(), { default: [] }),
  },
  { additionalProperties: false },
);
const Vendor = Type.Object({ apiKey: Type.Optional(Type.String()), retries: Type.Integer({ default: 2, maximum: 9 }) });

const quiet: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const homes: string[] = [];

function setup(text?: string, options: { env?: Record<string, string>; kept?: string; log?: Logger; home?: string } = {}) {
  const home = options.home ?? mkdtempSync(join(tmpdir(), "pincer-config-"));
  homes.push(home);
  const path = join(home, "pincer.json5");
  if (text !== undefined) writeFileSync(path, text);
  if (options.kept !== undefined) writeFileSync(`${path}.last-good`, options.kept);
  const config = createConfig({ home, clock: systemClock, log: options.log ?? quiet, env: options.env ?? {}, lookMs: 5 });
  config.declare("gateway", Gateway, "kernel");
  config.declare("plugins.vendor.config", Vendor, "vendor");
  return { home, path, config, gateway: config.section<Static<typeof Gateway>>("gateway") };
}
const problems = (snapshot: Snapshot) => snapshot.issues.map((issue) => `${issue.level}: ${describeIssue(issue)}`);

afterEach(() => {
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true });
});

test("without a file every default holds", () => {
  const { config, gateway } = setup();
  expect(gateway()).toEqual({ port: 18_789, bind: "loopback", auth: {}, hosts: [] });
  expect(config.section("plugins.vendor.config")()).toEqual({ retries: 2 });
  expect(config.current()).toMatchObject({ source: "defaults", raw: undefined, issues: [] });
});

test("the snapshot cannot be changed by whoever reads it", () => {
  const { gateway } = setup("{ gateway: { hosts: ['a'] } }");
  expect(() => (gateway().hosts as string[]).push("b")).toThrow();
  expect(() => Object.assign(gateway(), { port: 1 })).toThrow();
});

test("a file is read with its environment references, and secret references stay for whoever uses them", () => {
  const text = `{ gateway: { bind: '\${HOST_NAME}', hosts: ['$\${KEPT}', 'x-\${N}'] }, plugins: { vendor: { config: { apiKey: { secret: 'vendor' } } } } }`;
  const { config, gateway } = setup(text, { env: { HOST_NAME: "lan", N: "1" } });
  expect(gateway()).toMatchObject({ bind: "lan", hosts: [`\${KEPT}`, "x-1"] });
  expect(config.section("plugins.vendor.config")()).toEqual({ apiKey: { secret: "vendor" }, retries: 2 });
  expect(problems(config.current())).toEqual([]);
});

test("a variable that is not set is named with its place", () => {
  for (const key of ["bind", "port"]) {
    const { config } = setup(`{\n  gateway: { ${key}: '\${NOWHERE}', hosts: ["a"] },\n}`);
    expect(problems(config.current())).toEqual([
      `error: gateway.${key} (line 2, column 20): the environment variable NOWHERE is not set: set it before the gateway starts, or write { secret: "name" }`,
    ]);
    expect(config.section("gateway.hosts")()).toEqual([]);
  }
});

test("a list in a list stays one, and a free section keeps what another owner declares inside it", () => {
  const { config } = setup(`{ free: { pairs: [[1, 2], ['\${N}']], inner: { a: 2 } } }`, { env: { N: "n" } });
  config.declare("free", Type.Object({}, { additionalProperties: true }), "one");
  config.declare("free.inner", Type.Object({ a: Type.Integer({ maximum: 1, default: 1 }) }), "other");
  expect(config.current().value["free"]).toEqual({ pairs: [[1, 2], ["n"]], inner: { a: 1 } });
  expect(problems(config.current())).toEqual([expect.stringContaining("free.inner.a")]);
});

test("PINCER_PORT wins over the file; one that does not fit is reported and ignored", () => {
  expect(setup("{ gateway: { port: 1 } }", { env: { PINCER_PORT: "4711", PINCER_TOKEN: "t" } }).gateway()).toMatchObject({
    port: 4711,
    auth: { token: "t" },
  });
  const { config, gateway } = setup("{ gateway: { port: 1 } }", { env: { PINCER_PORT: "70000" } });
  expect(gateway().port).toBe(1);
  expect(problems(config.current())[0]).toContain(
    "PINCER_PORT in the environment is ignored: expected integer from 0 to 65535, came 70000",
  );
});

test("an error says where it is, what was expected and what came; a secret's text is not repeated", () => {
  const { config } = setup("{\n  gateway: {\n    port: 'http',\n    auth: { token: 5 },\n    hosts: 'a',\n  },\n}");
  expect(problems(config.current())).toEqual([
    'error: gateway.port (line 3, column 11): expected integer from 0 to 65535, came "http"',
    "error: gateway.auth.token (line 4, column 20): expected string of at least 1 characters, came a number",
    'error: gateway.hosts (line 5, column 12): expected array, came "a"',
  ]);
  const leaky = setup("{ plugins: { vendor: { config: { apiKey: 'x', retries: 'sk-1' } } } }");
  leaky.config.declare("auth", Type.Object({ token: Type.String({ pattern: "^pk" }) }), "kernel");
  writeFileSync(leaky.path, "{ auth: { token: 'sk-very-secret' } }");
  expect(problems(setup(undefined, { home: leaky.home }).config.current()).join()).not.toContain("sk-very-secret");
});

test("an unknown key is a warning that guesses what was meant, and nothing else suffers", () => {
  const { config, gateway } = setup("{ gateway: { prot: 1, port: 2 }, gatway: {}, plugins: { vendor: { config: { retrys: 3 } } } }");
  expect(gateway().port).toBe(2);
  expect(problems(config.current())).toEqual([
    'warning: gateway.prot (line 1, column 20): unknown key; did you mean "port"?',
    'warning: plugins.vendor.config.retrys (line 1, column 85): unknown key; did you mean "retries"?',
    'warning: gatway (line 1, column 42): unknown key: no part of Pincer and no installed plugin reads it; did you mean "gateway"?',
  ]);
});

test("one bad key at the start: the last good copy is in force, and the issue says why (#25595, #57391, #23321)", () => {
  for (const bad of ["{ gateway: { port: 'x' } }", "{ gateway: { port: 1 ", ""]) {
    const { config, gateway } = setup(bad, { kept: "{ gateway: { port: 7 } }" });
    expect(gateway().port).toBe(7);
    expect(config.current()).toMatchObject({ source: "kept", raw: bad });
    expect(config.current().issues[0]?.level).toBe("error");
  }
});

test("one bad key at the first start: the defaults of that section hold, the other sections stand (#25595)", () => {
  const { config, gateway } = setup("{ gateway: { port: 'x', bind: 'lan' }, plugins: { vendor: { config: { retries: 5 } } } }");
  expect(gateway()).toMatchObject({ port: 18_789, bind: "loopback" });
  expect(config.section("plugins.vendor.config")()).toEqual({ retries: 5 });
});

test("a section in an error's place has its defaults, and whatever is declared inside or beside it stands", () => {
  const { config, gateway } = setup("{ gateway: { port: 2 }, plugins: 5, outer: { a: 'x', inner: { b: 3 }, bad: { c: 'y' } } }");
  const Small = (name: string) => Type.Object({ [name]: Type.Integer({ default: 1 }) });
  config.declare("outer", Small("a"), "one");
  config.declare("outer.inner", Small("b"), "other");
  config.declare("outer.bad", Small("c"), "third");
  expect(gateway().port).toBe(2);
  expect(config.current().value).toMatchObject({ plugins: { vendor: { config: { retries: 2 } } } });
  expect(config.current().value["outer"]).toEqual({ a: 1, inner: { b: 3 }, bad: { c: 1 } });
});

test("a file that cannot be read or is far too large is reported, never fatal", () => {
  const { config } = setup(`{ gateway: { bind: '${"x".repeat(1_100_000)}' } }`);
  expect(problems(config.current())[0]).toContain("larger than 1 MiB");
});

test("a plugin that arrives later with a stricter schema gets its defaults, and nobody else notices", () => {
  const { config, gateway } = setup("{ gateway: { port: 3 }, late: { size: 'big' } }");
  using _watching = config.watch();
  expect(gateway().port).toBe(3);
  const declared = config.declare("late", Type.Object({ size: Type.Integer({ default: 1 }) }), "late");
  expect(config.section("late")()).toEqual({ size: 1 });
  expect(gateway().port).toBe(3);
  expect(problems(config.current())).toEqual(['error: late.size (line 1, column 39): expected integer, came "big"']);
  expect(() => config.declare("late", Type.Object({}), "other")).toThrow("other declares late, which belongs to late");
  declared[Symbol.dispose]();
  expect(problems(config.current())[0]).toStartWith("warning: late");
});

/** Resolves with the value after the next applied change of a path. */
const nextChange = (config: ReturnType<typeof setup>["config"], path: string): Promise<unknown> =>
  new Promise((resolve) => config.onChange(path, resolve));

test("an edit of the file is applied while everything runs, and only those are told whom it concerns", async () => {
  const { config, path, gateway } = setup("{ gateway: { port: 1 }, plugins: { vendor: { config: { retries: 1 } } } }");
  using _watching = config.watch();
  const told: unknown[] = [];
  config.onChange("plugins.vendor.config", (value) => void told.push(value));
  const changed = nextChange(config, "gateway");
  writeFileSync(path, "{ gateway: { port: 2 }, plugins: { vendor: { config: { retries: 1 } } } }");
  expect(await changed).toMatchObject({ port: 2 });
  expect(gateway().port).toBe(2);
  expect(told).toEqual([]);
});

test("a bad edit keeps what is in force, says where the error is, and the mended file is applied (#57391)", async () => {
  const refused = Promise.withResolvers<Readonly<Record<string, unknown>> | undefined>();
  const log: Logger = { ...quiet, warn: (event, fields) => event === "config.refused" && refused.resolve(fields) };
  const { config, path, gateway } = setup("{ gateway: { port: 1 } }", { log });
  using _watching = config.watch();
  writeFileSync(path, "{\n  gateway: { port: oops },\n}");
  expect(await refused.promise).toMatchObject({
    issues: ["line 2, column 20 in gateway.port: expected a value, came a word without quotes"],
  });
  expect(gateway().port).toBe(1);
  expect(config.current()).toMatchObject({ source: "kept", raw: "{\n  gateway: { port: oops },\n}" });
  const changed = nextChange(config, "gateway");
  writeFileSync(path, "{ gateway: { port: 5 } }");
  expect(await changed).toMatchObject({ port: 5 });
  expect(config.current()).toMatchObject({ source: "file", issues: [] });
});

test("a good file is kept beside itself, readable by its owner alone, and used after a bad edit and a restart", async () => {
  const first = setup("{ gateway: { port: 9 } }");
  const watching = first.config.watch();
  await first.config.write({ baseHash: undefined, edit: ({ raw }) => raw!.replace("9", "10") });
  watching[Symbol.dispose]();
  expect(statSync(`${first.path}.last-good`).mode & 0o777).toBe(0o600);
  writeFileSync(first.path, "{ gateway: ");
  expect(setup(undefined, { home: first.home }).gateway().port).toBe(10);
});

test("a write keeps comments, leaves no draft behind and is readable by the owner alone", async () => {
  const { config, home, path, gateway } = setup("// mine\n{ gateway: { port: 1 /* low */ } }");
  const before = config.current();
  const edit = (now: Snapshot) => editJson5(now.raw!, { gateway: { port: 2 } });
  await config.write({ baseHash: before.hash, edit });
  expect(readFileSync(path, "utf8")).toBe("// mine\n{ gateway: { port: 2 /* low */ } }");
  expect(gateway().port).toBe(2);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(home).sort()).toEqual(["pincer.json5", "pincer.json5.last-good"]);
  await expect(config.write({ baseHash: before.hash, edit })).rejects.toMatchObject({ code: "CONFIG_STALE" });
});

test("what is written is judged by itself, whatever a variable of the environment makes of it now", async () => {
  const { config, path, gateway } = setup("{ gateway: { port: 1 } }", { env: { PINCER_PORT: "4711" } });
  await expect(config.set(["gateway", "port"], 70_000)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining("gateway.port (line 1, column 20): expected integer from 0 to 65535, came 70000"),
  });
  expect(readFileSync(path, "utf8")).toBe("{ gateway: { port: 1 } }");
  await config.set(["gateway", "port"], 2);
  expect([gateway().port, readFileSync(path, "utf8")]).toEqual([4711, "{ gateway: { port: 2 } }"]);

  const mistyped = setup("{ gateway: { port: 1 } }", { env: { PINCER_PORT: "70000" } });
  await mistyped.config.set(["gateway", "port"], 2);
  expect(mistyped.gateway().port).toBe(2);
});

test("a write through a link changes the file that it points to", async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), "pincer-dotfiles-"));
  homes.push(elsewhere);
  const target = join(elsewhere, "pincer.json5");
  writeFileSync(target, "{}");
  const home = mkdtempSync(join(tmpdir(), "pincer-config-"));
  symlinkSync(target, join(home, "pincer.json5"));
  const { config, gateway } = setup(undefined, { home });
  await config.write({ baseHash: undefined, edit: () => "{ gateway: { port: 6 } }" });
  expect(readFileSync(target, "utf8")).toBe("{ gateway: { port: 6 } }");
  using _watching = config.watch();
  const changed = nextChange(config, "gateway");
  writeFileSync(target, "{ gateway: { port: 8 } }");
  await changed;
  expect(gateway().port).toBe(8);
});

test("of two writers who read the same text, the second is refused", async () => {
  const { config, path } = setup("{}");
  const { hash } = config.current();
  const outcomes = await Promise.allSettled(
    [1, 2].map((port) => config.write({ baseHash: hash, edit: () => `{ gateway: { port: ${port} } }` })),
  );
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  expect(readFileSync(path, "utf8")).toContain("port: 1");
});

test("what would be too large to be read again is not written, however few characters it has", async () => {
  const { config, path } = setup("{}");
  const text = `{ gateway: { bind: '${"ü".repeat(600_000)}' } }`;
  await expect(config.write({ baseHash: undefined, edit: () => text })).rejects.toThrow("larger than 1 MiB");
  expect(readFileSync(path, "utf8")).toBe("{}");
});

test("a change made by an editor since the last load counts as another writer's", async () => {
  const { config, path } = setup("{}");
  const { hash } = config.current();
  writeFileSync(path, "{ gateway: { port: 4 } }");
  await expect(config.write({ baseHash: hash, edit: () => "{}" })).rejects.toMatchObject({ code: "CONFIG_STALE" });
  expect(readFileSync(path, "utf8")).toContain("port: 4");
});

test("a disk that refuses the write leaves the configuration as it was", async () => {
  const { config, home, gateway } = setup("{ gateway: { port: 1 } }");
  rmSync(home, { recursive: true });
  writeFileSync(home, "a file where the folder was");
  const refused = config.write({ baseHash: undefined, edit: () => "{ gateway: { port: 2 } }" });
  await expect(refused).rejects.toMatchObject({ code: "CONFIG_WRITE_FAILED", retryable: true });
  expect(gateway().port).not.toBe(2);
});

test("a listener that throws harms nobody", async () => {
  const failed = Promise.withResolvers<unknown>();
  const log: Logger = { ...quiet, error: (_, fields) => failed.resolve(fields) };
  const { config } = setup("{}", { log });
  config.onChange("gateway", () => {
    throw new Error("broken");
  });
  const told = nextChange(config, "gateway");
  await config.write({ baseHash: undefined, edit: () => "{ gateway: { port: 2 } }" });
  expect(await told).toMatchObject({ port: 2 });
  expect(await failed.promise).toEqual({ path: "gateway", error: "broken" });
});
