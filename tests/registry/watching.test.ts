/** A registry that is asked every half minute what nobody should run any more, and does not answer: it is asked more rarely, the operator is told, and all is well when it answers. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { type Exchange, serveHttp } from "@pincer/plugin-sdk/testing/http-server";
import type { Plan } from "../../plugins/registry-client/engine/plan/plan.ts";
import { timeOf } from "../../registry/schema.ts";
import { startShop } from "../support/packages.ts";

/** A gateway that has something from a registry on the web; `answer` answers in the place of that, until it says that it does not. */
async function start() {
  const shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  const clock = createManualClock(Date.now());
  const asked: number[] = [];
  let answer: (exchange: Exchange) => boolean = () => false;
  const server = serveHttp(async (exchange) => {
    if (exchange.path === "/ping") return exchange.send(200, "");
    asked.push(clock.monotonic());
    if (answer(exchange)) return;
    const file = Bun.file(join(shop.house.folder, decodeURIComponent(exchange.path)));
    if (!(await file.exists())) return exchange.send(404, "");
    const bytes = await file.bytes();
    exchange.begin(200, { "content-length": String(bytes.length) });
    await exchange.write(bytes);
    exchange.end();
  });
  const home = mkdtempSync(join(tmpdir(), "pincer-watching-"));
  const running = await startTestGateway({
    ...{ home, clock },
    config: {
      gateway: { log: { level: "debug" }, plugins: { heartbeatMs: 3_600_000, stallMs: 7_200_000 } },
      plugins: {
        weather: { isolation: "process" },
        "registry-client": { config: { registries: [{ ...shop.registry, address: server.origin }] } },
      },
    },
  });
  const client = await running.connect();
  const request = { do: "install", packages: ["weather"] };
  const { token } = await client.call<Plan>("registry-client.plan", { request });
  await client.call("registry-client.apply", { request, token, accepted: [] });
  return {
    ...{ shop, clock, client, running },
    answerWith(next: (exchange: Exchange) => boolean) {
      answer = next;
      asked.length = 0;
    },
    /** Until somebody finds that it is so; time passes meanwhile. */
    async until(isSo: () => boolean | Promise<boolean>) {
      while (!(await isSo())) {
        await clock.advance(1_000);
        // What was asked of the server meanwhile is answered before this is.
        await fetch(`${server.origin}/ping`).then((answer) => answer.text());
      }
    },
    /** When it was asked, once for each look: a look that fails asks a few times within its 20 s. */
    looks: () => asked.filter((at, index) => index === 0 || at - asked[index - 1]! > 25_000),
    async told() {
      const { plugins } = await client.call<{ plugins: { errors: { error: string }[] } }>("health", {});
      return plugins.errors.map(({ error }) => error);
    },
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      shop[Symbol.dispose]();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

const pausesIn = (looks: readonly number[]) => looks.slice(1).map((at, index) => at - looks[index]!);

test("one that is not reached is asked more and more rarely, that is told from the third time on, and a revocation is heard once it is back", async () => {
  await using it = await start();
  it.answerWith((exchange) => {
    exchange.reset();
    return true;
  });
  await it.until(() => it.looks().length === 2);
  expect(await it.told()).toEqual([]);
  await it.until(async () => (await it.told()).length > 0);
  expect(await it.told()).toEqual([
    expect.stringMatching(
      /^what home revokes is not heard of: (http:\/\/127\.0\.0\.1:\d+\/metadata\/.*: breaks off|home did not answer in 20 s)/,
    ),
  ]);
  await it.until(() => it.looks().length === 7);
  const pauses = pausesIn(it.looks());
  for (const [index, least] of [27_000, 54_000, 108_000, 216_000, 270_000, 270_000].entries())
    expect(pauses[index]).toBeGreaterThanOrEqual(least);
  expect(Math.max(...pauses)).toBeLessThan(400_000);
  expect(await it.client.call<object>("weather.said", {})).toEqual({ version: "1.0.0" });

  const reason = "it sends where you are to a stranger";
  const one = { kind: "plugins" as const, id: "weather", versions: ["1.0.0"], reason, at: timeOf(Date.now()) };
  it.shop.house.clock.now = it.clock.now();
  it.shop.house.repository.renew();
  it.shop.house.repository.revoke([one], it.shop.house.founders.revocations);
  const stopped = it.client.event("registry-client.revoked");
  let isStopped = false;
  stopped.then(() => {
    isStopped = true;
  });
  it.answerWith(() => false);
  await it.until(() => isStopped);
  expect(await stopped).toMatchObject({ id: "weather", version: "1.0.0", reason });
  expect(await it.told()).toEqual([]);
  await it.until(() => it.looks().length === 3);
}, 120_000);

test("one that asks to be left alone is left alone as long as it asks, and five minutes at most", async () => {
  await using it = await start();
  const after = (seconds: number) => (exchange: Exchange) => {
    exchange.send(429, "", { "retry-after": String(seconds) });
    return true;
  };
  it.answerWith(after(120));
  await it.until(() => it.looks().length === 2);
  expect(pausesIn(it.looks())[0]).toBeGreaterThanOrEqual(120_000);
  it.answerWith(after(86_400));
  await it.until(() => it.looks().length === 2);
  const [pause] = pausesIn(it.looks());
  expect(pause).toBeGreaterThanOrEqual(290_000);
  expect(pause).toBeLessThan(400_000);
  expect(await it.told()).toEqual([expect.stringContaining("answers 429, and asks to come back in 86400 s")]);
}, 120_000);
