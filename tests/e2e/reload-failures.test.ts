/** Whatever is wrong with a new version, over the wire: the one that runs serves on, and its author reads file, line and reason. */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { pluginsFolder, writePlugin } from "../fixtures/plugin-host.ts";

const source = (
  version: number,
  { top = "", first = "", last = "", health = "" } = {},
) => `import { definePlugin } from "@pincer/plugin-sdk";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
${top}
const Version = Type.Object({ version: Type.Integer() });
const look = defineMethod({ name: "patient.look", summary: "x", scope: "operator.read", params: Type.Object({}), result: Version });
export default definePlugin({ setup(ctx) {
  ${first}
  ctx.health(async () => { ${health || "return { ok: true };"} });
  ctx.method(look, () => ({ version: ${version} }));
  ${last}
} });
`;
const at = (line: number) => ({ file: "plugin.ts", line, column: expect.any(Number), plugin: "patient" });

/** What hangs is waited for as long as `limits` say. */
const broken: readonly (readonly [what: string, text: string, details: object, said: RegExp, limits?: Readonly<Record<string, number>>])[] =
  [
    ["a syntax error", source(2, { first: "const half = {{;" }), { code: "PLUGIN_LOAD_FAILED", ...at(8) }, /plugin\.ts:8:\d+: /],
    [
      "an error at top level",
      source(2, { top: `throw new Error("no luck");` }),
      { code: "PLUGIN_LOAD_FAILED", reason: "no luck", ...at(4) },
      /plugin\.ts:4:\d+: no luck/,
    ],
    [
      "an error in setup",
      source(2, { first: `throw new Error("not today");` }),
      { code: "PLUGIN_LOAD_FAILED", reason: "not today", ...at(8) },
      /plugin\.ts:8:\d+: not today/,
    ],
    [
      "something that the manifest does not declare",
      source(2, { last: `ctx.method({ ...look, name: "patient.more" }, () => ({ version: 2 }));` }),
      { code: "PLUGIN_UNDECLARED" },
      /patient registered what its manifest does not declare: methods patient\.more \(run "pincer plugin build" for patient\)/,
    ],
    [
      "ill health",
      source(2, { health: `return { ok: false, detail: "a tooth" };` }),
      { code: "PLUGIN_UNHEALTHY" },
      /generation 2 of patient reports: a tooth/,
    ],
    [
      "an error in the health check",
      source(2, { health: `throw new Error("no pulse");` }),
      { code: "PLUGIN_UNHEALTHY" },
      /generation 2 of patient reports: plugin\.ts:9:\d+: no pulse/,
    ],
    [
      "a health check that hangs",
      source(2, { health: "await new Promise(() => {}); return { ok: true };" }),
      { code: "PLUGIN_UNHEALTHY" },
      /generation 2 of patient reports: its health check did not end in 200 ms/,
      { healthMs: 200 },
    ],
    [
      "a setup that hangs",
      source(2, { last: "return new Promise(() => {});" }),
      { code: "PLUGIN_TIMEOUT" },
      /setup of patient did not end in 4000 ms/,
      { setupMs: 4_000 },
    ],
  ];

for (const isolation of ["inline", "process"] as const)
  test.each(broken)(
    `${isolation}: %s leaves the version that runs, and is told with its place`,
    async (_, text, details, said, limits = {}) => {
      const home = mkdtempSync(join(tmpdir(), "pincer-reload-"));
      const versions = join(pluginsFolder(home), "patient");
      const choose = (version: string) => writeFileSync(join(versions, "current"), version);
      const manifest = readFileSync(join(await writePlugin(versions, "1", source(1), { id: "patient" }), "plugin.json"), "utf8");
      const install = (version: string, text: string) => {
        mkdirSync(join(versions, version));
        writeFileSync(join(versions, version, "plugin.json"), manifest);
        writeFileSync(join(versions, version, "plugin.ts"), text);
        choose(version);
      };
      choose("1");
      await using running = await startTestGateway({
        only: ["plugin-control", "configuration"],
        config: { plugins: { patient: { enabled: true, isolation, unsandboxed: true } } },
        home,
      });
      const client = await running.connect();
      expect(await client.call("patient.look", {})).toEqual({ version: 1 });
      const limit = async (plugins: Readonly<Record<string, number | null>>) => {
        const { hash } = await client.call<{ hash: string }>("config.get", {});
        await client.call("config.patch", { raw: JSON.stringify({ gateway: { plugins } }), baseHash: hash });
      };
      await limit(limits);
      install("2", text);
      await expect(client.call("plugins.reload", { pluginId: "patient" })).rejects.toMatchObject({
        error: { code: expect.any(String), message: expect.stringMatching(said), details },
      });
      expect(await client.call("patient.look", {})).toEqual({ version: 1 });
      const { plugins: listed } = await client.call<{ plugins: object[] }>("plugins.status", { pluginId: "patient" });
      expect(listed).toMatchObject([{ state: "active", isolation, draining: [] }]);
      // Mended, it works, in whatever time that takes here.
      await limit(Object.fromEntries(Object.keys(limits).map((name) => [name, null])));
      install("3", source(3));
      await client.call("plugins.reload", { pluginId: "patient" });
      expect(await client.call("patient.look", {})).toEqual({ version: 3 });
      rmSync(home, { recursive: true, force: true });
    },
    120_000,
  );
