import { expect, test } from "bun:test";
import { createCliHome } from "../../tests/support/cli.ts";
import { type Row, rowsOf, tableOf } from "./top.ts";

type Look = Parameters<typeof rowsOf>[0];
const quiet = { calls: 0, errors: 0, latency: null };
const plugin = (id: string, more: object = {}) => ({ id, state: "active", isolation: "inline", activity: quiet, ...more });
const look = (at: number, plugins: readonly object[], cpuMs = 0) =>
  ({ at, plugins, gateway: { cpuMs, memoryBytes: 64 * 1024 * 1024 } }) as unknown as Look;

test("shares and rates are those between two looks, and who does most comes first", () => {
  const at = (calls: number, cpuMs: number, pid = 7) => [
    plugin("calm"),
    plugin("inside", { activity: { calls, errors: 1, latency: { p50Ms: 0.5, p99Ms: 2 } } }),
    plugin("apart", { isolation: "process", pid, use: { cpuMs, memoryBytes: 1024 * 1024 } }),
    plugin("off", { state: "disabled" }),
  ];
  const rows = rowsOf(look(1_000, at(10, 300), 100), look(3_000, at(30, 1_300), 500));
  expect(rows.map(({ id, runs, cpuPercent, callsPerSecond }) => [id, runs, cpuPercent, callsPerSecond])).toEqual([
    ["the gateway", "gateway", 20, null],
    ["apart", "process", 50, 0],
    ["inside", "inline", null, 10],
    ["calm", "inline", null, 0],
    ["off", "disabled", null, 0],
  ]);
  // A process that has been started since has taken only what it took.
  expect(rowsOf(look(1_000, at(0, 5_000)), look(2_000, at(0, 100, 8)))[1]).toMatchObject({ id: "apart", cpuPercent: 10 });
});

test("the table has its figures below each other, and a dot for what cannot be known", () => {
  const [head, gateway, one] = tableOf(rowsOf(look(0, []), look(1_000, [plugin("one")], 120))).split("\n");
  expect(head).toMatch(/^plugin +runs +cpu +memory +calls\/s +calls +errors +p50 +p99$/);
  expect(gateway).toMatch(/^the gateway +gateway +12 % +64 MB +· +· +· +· +·$/);
  expect(one).toMatch(/^one +inline +· +· +0\.0 +0 +0 +· +·$/);
  expect(one!.length).toBe(head!.length);
});

test("pincer plugins top looks at a gateway, also at a plugin in a process of its own", async () => {
  await using home = createCliHome();
  for (const words of [["config", "set", "plugins.provider-demo.isolation", "process"], ["up"], ["chat", "what time is it?"]])
    expect(await home.pincer(words)).toMatchObject({ code: 0, err: "" });
  const rows = await home.json<Row[]>(["plugins", "top", "0.1"]);
  expect(rows[0]).toMatchObject({ id: "the gateway", runs: "gateway", memoryBytes: expect.any(Number) });
  const demo = rows.find(({ id }) => id === "provider-demo");
  expect(demo).toMatchObject({ runs: "process", cpuPercent: expect.any(Number), errors: 0 });
  expect(demo!.memoryBytes).toBeGreaterThan(1024 * 1024);
  expect(demo!.calls).toBeGreaterThan(0);
  expect((await home.pincer(["plugins", "top", "0.1"])).out).toMatch(/provider-demo +process +\d+ % +\d+ MB/);
  expect(await home.pincer(["plugins", "top", "soon"])).toMatchObject({ code: 1, err: expect.stringContaining("0.1 to 3600") });
  expect((await home.pincer(["plugins", "--help"])).out).toContain("top [seconds]");
});

test("pincer secrets grant and revoke say what a plugin may read", async () => {
  await using home = createCliHome();
  await home.pincer(["up"]);
  await home.pincer(["secrets", "set", "WEATHER_KEY"], { stdin: "sunny" });
  const granted = await home.pincer(["secrets", "grant", "WEATHER_KEY", "weather"]);
  expect(granted.out.split("\n")[0]).toBe("weather may read WEATHER_KEY");
  expect(granted.out).toContain('there is no plugin "weather" yet');
  const grants = () => home.json<{ grants: object[] }>(["call", "secrets.grants"]);
  expect((await grants()).grants).toMatchObject([{ name: "WEATHER_KEY", plugin: "weather" }]);
  expect((await home.pincer(["secrets", "revoke", "WEATHER_KEY", "weather"])).out).toBe("weather may no longer read WEATHER_KEY\n");
  expect((await grants()).grants).toEqual([]);
  expect((await home.pincer(["secrets", "grant", "WEATHER_KEY"])).code).toBe(2);
});
