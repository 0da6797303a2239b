/**
 * What a plugin's context refuses by name. It is one code for both sides of a process (`limitedFetch`, `mayRead`, `limitedValues`), and is tested where
 * it is all that there is: inline. What holds a process, and one that does not ask the context, is tested in `tests/isolation` and
 * `process/hostile.test.ts`.
 */
import { expect, test } from "bun:test";
import { hostsOf, reaches } from "@pincer/plugin-sdk/permissions";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { type HostOptions, startHost, writePlugin } from "../tests/fixtures/plugin-host.ts";

const source = `
import { definePlugin } from "@pincer/plugin-sdk";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { defineEvent } from "@pincer/plugin-sdk/event";
import { Type } from "@sinclair/typebox";
const run = defineMethod({ name: "reach.run", summary: "", scope: "any", params: Type.Unknown(), result: Type.Unknown() });
export default definePlugin({
  config: Type.Object({ endpoints: Type.Record(Type.String(), Type.Object({ url: Type.String(), key: Type.Optional(Type.Unknown()) }), { default: {} }) }),
  setup(ctx) { ctx.method(run, ({ what, of }) => {
    if (what === "fetch") return ctx.fetch(of, { headers: { authorization: "secret" } }).then(async (r) => ({ status: r.status, text: await r.text() }));
    if (what === "secret") return ctx.secret(of);
    if (what === "call") return ctx.call(defineMethod({ ...run, name: of }), { a: 1 });
    if (what === "emit") return ctx.emit(defineEvent({ name: of, summary: "", scope: "any", payload: Type.Object({}) }), {});
    if (what === "late") return ctx.hook({ id: "x", kind: "all" }, () => undefined);
    if (what === "set") return ctx.store.set(of);
    if (what === "list") return ctx.store.list(of);
    if (what === "dataDir") return ctx.dataDir;
  }); } });`;
const start = (permissions: object, options: HostOptions = {}) =>
  startHost({
    ...options,
    async prepare(plugins) {
      await writePlugin(plugins, "reach", source, { permissions });
      await writePlugin(plugins, "other", source.replaceAll("reach.run", "other.run"), { permissions });
    },
  });
type Kit = Awaited<ReturnType<typeof start>>;
const call = { connection: {}, role: "operator", scopes: [], signal: new AbortController().signal, accepted: () => undefined } as never;
const run = async ({ host }: Kit, what: string, of: unknown, plugin = "reach") =>
  (await host.methods.find(`${plugin}.run`)!.resolve()).invoke({ what, of }, call);
const refused = (error: unknown) => (error as { code: string }).code;

test("fetch reaches the declared hosts and those that the operator configured, and no others, on redirects too", async () => {
  const seen: (string | null)[] = [];
  const server = (answer: (path: string) => Response) =>
    Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        seen.push(request.headers.get("authorization"));
        return answer(new URL(request.url).pathname);
      },
    });
  using inside = server(() => new Response("inside"));
  using outside = server(() => new Response("outside"));
  using door = server((path) => Response.redirect(path === "/in" ? inside.url.href : outside.url.href));
  const config = { plugins: { reach: { config: { endpoints: { one: { url: `${door.url}v1` }, two: { url: inside.url.href } } } } } };
  await using kit = await start({ net: ["config:/endpoints/*/url"] }, { config });
  expect(await run(kit, "fetch", inside.url.href)).toEqual({ status: 200, text: "inside" });
  expect(await run(kit, "fetch", `${door.url}in`)).toEqual({ status: 200, text: "inside" });
  expect(seen).toEqual(["secret", "secret", null]);
  expect(await run(kit, "fetch", outside.url.href).catch(refused)).toBe("PLUGIN_PERMISSION");
  expect(await run(kit, "fetch", `${door.url}out`).catch(refused)).toBe("PLUGIN_PERMISSION");
  expect(seen.length).toBe(4);
});

test.each([
  [["api.example.com:443"], "https://api.example.com/v1", true],
  [["api.example.com:443"], "https://API.EXAMPLE.com/v1", true],
  [["api.example.com:443"], "http://api.example.com/v1", false],
  [["api.example.com:443"], "https://api.example.com.evil.net/", false],
  [["*.example.com:443"], "https://a.b.example.com/", true],
  [["*.example.com:443"], "https://example.com/", false],
  [["*.example.com:443"], "https://evilexample.com/", false],
  [["api.*.example.com:443"], "https://api.eu-1.example.com/v1", true],
  [["api.*.example.com:443"], "https://api.a.b.example.com/", false],
  [["api.*.example.com:443"], "https://api.example.com/", false],
  [["api.*.example.com:443"], "https://other.eu-1.example.com/", false],
  [["api.*.example.com:443"], "https://api.eu-1.example.com:8443/", false],
  [["public"], "https://anything.org/", true],
  [["public"], "http://localhost:80/", false],
  [["public"], "http://10.1.2.3/", false],
  [["public"], "http://[::1]/", false],
  [["public"], "http://169.254.169.254/latest", false],
  [["public"], "http://0x7f000001/", false],
  [["config:/url"], "http://box:11434/api", true],
  [["config:/nothing"], "http://box:11434/api", false],
  [["secret:URL"], "https://secret.example:8443/", true],
  [["secret:URL"], "https://secret.example/", false],
  [["public"], "http://203.0.113.7/", false],
  [["public"], "http://nas.lan/", false],
  [[], "https://api.example.com/", false],
] as const)("permissions.net %j admits %s: %p", async (net, url, expected) => {
  const hosts = await Promise.all(net.map((entry) => hostsOf(entry, { url: "http://box:11434" }, async () => "secret.example:8443")));
  expect(hosts.flat().some((host) => reaches(host, new URL(url)))).toBe(expected);
});

test("a secret is read by its declared name or its beginning, or by the reference that the operator wrote", async () => {
  const config = { plugins: { reach: { config: { endpoints: { one: { url: "http://x", key: { secret: "mine" } } } } } } };
  await using kit = await start(
    { secrets: ["token", "PROFILE_*", "config:/endpoints/*/key"] },
    { config, secret: async (name) => `value of ${name}` },
  );
  expect(await run(kit, "secret", "token")).toBe("value of token");
  expect(await run(kit, "secret", "mine")).toBe("value of mine");
  expect(await run(kit, "secret", "PROFILE_ONE")).toBe("value of PROFILE_ONE");
  expect(await run(kit, "secret", "A_PROFILE_ONE").catch(refused)).toBe("PLUGIN_PERMISSION");
  expect(await run(kit, "secret", "theirs").catch(refused)).toBe("PLUGIN_PERMISSION");
  expect(await run(kit, "secret", "config:/endpoints/*/key").catch(refused)).toBe("PLUGIN_PERMISSION");
});

test("a gateway method is called with the declared scopes and no others", async () => {
  await using kit = await start(
    { scopes: ["operator.read"] },
    { dispatch: async (method, params, { plugin, scopes }) => ({ method, params, plugin, scopes }) },
  );
  expect(await run(kit, "call", "config.get")).toEqual({
    method: "config.get",
    params: { a: 1 },
    plugin: "reach",
    scopes: ["operator.read"],
  });
});

test("what setup did not register cannot be emitted or added later", async () => {
  await using kit = await start({});
  expect(await run(kit, "emit", "reach.surprise").catch(refused)).toBe("PLUGIN_UNDECLARED");
  expect(await run(kit, "late", "").catch(refused)).toBe("PLUGIN_UNDECLARED");
});

test("each plugin keeps its own values, and nothing larger than a million characters", async () => {
  await using kit = await start({}, { clock: createManualClock() });
  await run(kit, "set", { "a:1": 1, "a:2": { deep: ["ü"] }, b: null });
  await run(kit, "set", { "a:1": 9 }, "other");
  expect(await run(kit, "list", "a:")).toEqual([
    { key: "a:1", value: 1 },
    { key: "a:2", value: { deep: ["ü"] } },
  ]);
  await run(kit, "set", { "a:1": undefined });
  expect(await run(kit, "list", "")).toEqual([
    { key: "a:2", value: { deep: ["ü"] } },
    { key: "b", value: null },
  ]);
  expect(await run(kit, "list", "", "other")).toEqual([{ key: "a:1", value: 9 }]);
  expect(await run(kit, "set", { large: "x".repeat(1_000_000) }).catch(refused)).toBe("PLUGIN_VALUE_INVALID");
  expect(await run(kit, "dataDir", "")).toBe(`${kit.home}/data/reach`);
});
