/** Installing into a gateway that runs: over the wire, without a restart and without a dropped call. */
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jsonOf, parseJson5 } from "@pincer/plugin-sdk/json5";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import type { Outcome, Plan } from "../../plugins/registry-client/engine/plan/plan.ts";
import { type Shop, startShop } from "../support/packages.ts";
import { lockTextIn } from "../support/pincer-lock.ts";

async function startWith(shop: Shop) {
  const home = mkdtempSync(join(tmpdir(), "pincer-installing-"));
  const running = await startTestGateway({
    home,
    config: { plugins: { "registry-client": { config: { registries: [shop.registry] } } } },
  });
  const client = await running.connect();
  const plan = (request: object) => client.call<Plan>("registry-client.plan", { request });
  const apply = (request: object, { token }: Plan, accepted: readonly string[] = []) =>
    client.call<Outcome>("registry-client.apply", { request, token, accepted });
  return {
    ...{ home, running, client, plan, apply },
    said: async () => (await client.call<{ version: string }>("weather.said", {})).version,
    async install(name = "weather", accepted: readonly string[] = []) {
      const request = { do: "install", packages: [name] };
      return apply(request, await plan(request), accepted);
    },
    lock: () => lockTextIn(home),
    current: () => readFileSync(join(home, "plugins", "weather", "current"), "utf8").trim(),
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

const refused = (code: string) => ({ error: { details: { code } } });

test("what is installed answers at once, and its progress was told", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  await using it = await startWith(shop);
  const steps: string[] = [];
  const placed = it.client.event("registry-client.progressed", (payload) => {
    steps.push((payload as { step: string }).step);
    return steps.at(-1) === "done";
  });
  expect(await it.install()).toEqual({ done: [{ kind: "plugins", id: "weather", action: "install", version: "1.0.0" }] });
  await placed;
  expect(steps).toEqual(["fetching", "staging", "dependencies", "placing", "configuring", "trying", "settled", "locked", "done"]);
  expect(await it.said()).toBe("1.0.0");
  expect(existsSync(join(it.home, "staging"))).toBe(false);
});

test("a wider permission needs a yes of its own, and no call is lost in the swap", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  await using it = await startWith(shop);
  await it.install();
  shop.publish(
    await shop.make("1.1.0", { permissions: { net: ["api.weather.example:443"] }, summary: "Says how the weather is, and was" }),
  );

  const update = { do: "update" };
  const plan = await it.plan(update);
  expect(plan.items).toMatchObject([
    {
      ...{ id: "weather", action: "update", from: "1.0.0", to: "1.1.0", needs: ["net api.weather.example:443"] },
      gained: ["net api.weather.example:443"],
      modelText: [
        { what: "tool weather", before: "Says how the weather is\nplace (string) Where", after: expect.stringContaining("and was") },
      ],
    },
  ]);
  const before = it.lock();
  await expect(it.apply(update, plan)).rejects.toMatchObject(refused("REGISTRY_CLIENT_CONSENT_NEEDED"));
  expect([await it.said(), it.lock()]).toEqual(["1.0.0", before]);

  let isDone = false;
  const answers: string[] = [];
  const calling = (async () => {
    while (!isDone) answers.push(await it.said());
  })();
  await it.apply(update, await it.plan(update), ["net api.weather.example:443"]);
  isDone = true;
  await calling;
  expect(await it.said()).toBe("1.1.0");
  expect(new Set(answers).size).toBeLessThanOrEqual(2);
  expect(JSON.parse(it.lock()).packages["plugins/weather"]).toMatchObject({ version: "1.1.0", before: { version: "1.0.0" } });

  const back = { do: "rollback", packages: ["weather"] };
  await it.apply(back, await it.plan(back));
  expect(await it.said()).toBe("1.0.0");
  // Back again is forward, to the version that may more.
  const forward = await it.plan(back);
  expect(forward).toMatchObject({ items: [{ to: "1.1.0", needs: ["net api.weather.example:443"] }] });
  await expect(it.apply(back, forward)).rejects.toMatchObject({ error: { details: { code: "REGISTRY_CLIENT_CONSENT_NEEDED" } } });
  expect(await it.said()).toBe("1.0.0");
});

test("a version that is not well, or does not load, is taken back", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  await using it = await startWith(shop);
  await it.install();
  const [lock, current] = [it.lock(), it.current()];
  for (const [version, setup, said] of [
    ["1.1.0", `ctx.health(async () => ({ ok: false, detail: "no barometer" }));`, "no barometer"],
    [
      "1.2.0",
      `if (process.cwd() !== "nowhere" && ctx.home !== undefined && !ctx.home.includes("pincer-record-")) throw new Error("no sky");`,
      "no sky",
    ],
  ] as const) {
    shop.publish(await shop.make(version, { setup }));
    await expect(it.install(`weather@${version}`)).rejects.toMatchObject({
      error: { message: expect.stringContaining(said), details: { code: "REGISTRY_CLIENT_ROLLED_BACK" } },
    });
    expect([await it.said(), it.lock(), it.current()]).toEqual(["1.0.0", lock, current]);
    expect(existsSync(join(it.home, "plugins", "weather", "next"))).toBe(false);
    expect(existsSync(join(it.home, "staging"))).toBe(false);
  }
});

test("a first version that does not load leaves nothing", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0", { setup: `if (!ctx.home.includes("pincer-record-")) throw new Error("no sky");` }));
  await using it = await startWith(shop);
  const config = readFileSync(join(it.home, "pincer.json5"), "utf8");
  await expect(it.install()).rejects.toMatchObject(refused("REGISTRY_CLIENT_ROLLED_BACK"));
  expect(existsSync(join(it.home, "plugins", "weather"))).toBe(false);
  const written = (text: string) => jsonOf(parseJson5(text));
  expect(written(readFileSync(join(it.home, "pincer.json5"), "utf8"))).toEqual(written(config));
  await expect(it.client.call("plugins.inspect", { pluginId: "weather" })).rejects.toMatchObject(refused("PLUGIN_UNKNOWN"));
});

test("a plan that was shown is the one that is done, or none is", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  await using it = await startWith(shop);
  const request = { do: "install", packages: ["weather"] };
  const shown = await it.plan(request);
  await expect(it.apply({ do: "install", packages: ["webhook"] }, shown)).rejects.toMatchObject(refused("REGISTRY_CLIENT_PLAN_CHANGED"));
  await expect(it.apply(request, { ...shown, token: "0".repeat(64) })).rejects.toMatchObject(refused("REGISTRY_CLIENT_PLAN_CHANGED"));
  expect(existsSync(join(it.home, "plugins"))).toBe(false);
});

test("what is removed answers no more, and its settings go with it", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  await using it = await startWith(shop);
  await it.install();
  expect(await it.said()).toBe("1.0.0");
  const request = { do: "remove", packages: ["weather"] };
  await it.apply(request, await it.plan(request));
  await expect(it.said()).rejects.toMatchObject({ error: { code: "INVALID_REQUEST" } });
  expect(existsSync(join(it.home, "plugins", "weather"))).toBe(false);
  expect(readFileSync(join(it.home, "pincer.json5"), "utf8")).not.toContain('weather":');
  expect(JSON.parse(it.lock()).packages).toEqual({});
});
