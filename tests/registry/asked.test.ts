/** Whoever may read may ask what there is, and cannot make the gateway hammer those that it asks. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { type Exchange, serveHttp } from "@pincer/plugin-sdk/testing/http-server";
import { serveFolder } from "../../registry/testing/serve-folder.ts";
import { startShop } from "../support/packages.ts";

async function startWith(config: object) {
  const home = mkdtempSync(join(tmpdir(), "pincer-asked-"));
  const clock = createManualClock(Date.now());
  const gateway = { plugins: { heartbeatMs: 3_600_000, stallMs: 7_200_000 } };
  const running = await startTestGateway({ home, clock, config: { gateway, plugins: { "registry-client": { config } } } });
  return {
    ...{ clock, running, connect: () => running.connect({ scopes: ["operator.read"] }) },
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

test("many searches at once are one question to a registry, and what it answered is kept for half a minute", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  let asked = 0;
  await using files = serveFolder(shop.house.folder, (path) => {
    if (path.endsWith("/timestamp.json")) asked++;
  });
  await using it = await startWith({ registries: [{ ...shop.registry, address: files.url }], clawhub: [] });
  const client = await it.connect();
  const search = async (query: string) =>
    (await client.call<{ hits: readonly { id: string; registry: string | null }[] }>("registry-client.search", { query })).hits;
  const found = await Promise.all(Array.from({ length: 40 }, (_none, index) => search(`weather${" ".repeat(index)}`)));
  for (const hits of found) expect(hits).toContainEqual(expect.objectContaining({ id: "weather", registry: "home" }));
  expect(asked).toBe(1);
  await it.clock.advance(29_000);
  await search("anything");
  await client.call("plugins.search", { query: "weather" });
  expect(asked).toBe(1);
  await it.clock.advance(2_000);
  await search("weather");
  expect(asked).toBe(2);
});

test("of a site that does not answer only so much is asked at once, whoever leaves ends his question, and a minute has so many", async () => {
  const open = new Set<Exchange>();
  const arrived: (() => void)[] = [];
  let isMute = true;
  let came = 0;
  await using site = serveHttp((exchange) => {
    came++;
    if (!isMute) return exchange.send(200, JSON.stringify({ results: [] }));
    open.add(exchange);
    exchange.left.then(() => open.delete(exchange));
    arrived.splice(0).forEach((resolve) => {
      resolve();
    });
  });
  await using it = await startWith({ clawhub: [{ name: "hub", address: `${site.origin}/own/` }] });
  const first = await it.connect();
  for (let n = 0; n < 4; n++) {
    const next = new Promise<void>((resolve) => void arrived.push(resolve));
    first.call("skills.search", { query: `q${n}` }).catch(() => undefined);
    await next;
  }
  const second = await it.connect();
  const busy = (message: string) => ({
    error: { code: "UNAVAILABLE", message: expect.stringContaining(message), details: { code: "REGISTRY_CLIENT_BUSY" } },
  });
  await expect(second.call("skills.search", { query: "q4" })).rejects.toMatchObject(busy("under way"));
  // The same as somebody else's is none of its own, and goes on when that one leaves.
  const shared = second.call("skills.search", { query: "q0" });
  await second.call("health", {});
  const gone = Promise.all([...open].slice(1).map(({ left }) => left));
  await first.close();
  await gone;
  expect(came).toBe(4);
  const [last] = open;
  last!.send(200, JSON.stringify({ results: [] }));
  expect(await shared).toEqual({ results: [] });

  isMute = false;
  for (let n = 4; n < 60; n++) await second.call("skills.search", { query: `r${n}` });
  await expect(second.call("skills.search", { query: "one more" })).rejects.toMatchObject(busy("60 times in the last minute"));
  expect(await second.call("skills.search", { query: "r59" })).toEqual({ results: [] });
  await it.clock.advance(60_000);
  expect(await second.call("skills.search", { query: "one more" })).toEqual({ results: [] });
  expect(came).toBe(61);
});
