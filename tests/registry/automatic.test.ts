/** Updates that come by themselves, in a gateway whose clock the test drives. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import type { Plan } from "../../plugins/registry-client/engine/plan.ts";
import { events } from "../conformance/events.ts";
import { fits } from "../conformance/recorder.ts";
import { startShop } from "../support/packages.ts";

const hourMs = 3_600_000;

test("an update comes by itself a day after it was first seen, one that may do more waits for a yes, and one that fails is told once", async () => {
  using shop = startShop();
  const home = mkdtempSync(join(tmpdir(), "pincer-automatic-"));
  shop.publish(await shop.make("1.0.0"));
  const clock = createManualClock(Date.now());
  const updating = { registries: [shop.registry], updates: { automatic: ["weather"] } };
  const config = { plugins: { weather: { isolation: "process" }, "registry-client": { config: updating } } };
  await using running = await startTestGateway({ home, clock, config });
  const client = await running.connect();
  const request = { do: "install", packages: ["weather"] };
  const { token } = await client.call<Plan>("registry-client.plan", { request });
  await client.call("registry-client.apply", { request, token, accepted: [] });
  const keepUp = () => client.call<{ updated: object[] }>("registry-client.keepUp", {});
  const listed = async () =>
    (await client.call<{ packages: { version: string; automatic: string | null }[] }>("registry-client.list", {})).packages[0]!;

  /** The registry's server renews what would expire meanwhile. */
  const later = (hours: number) => {
    clock.jump(hours * hourMs);
    shop.house.clock.now = clock.now();
    shop.house.repository.renew();
  };

  // Its publisher says that it is old: what counts is since when it is known here.
  shop.publish(await shop.make("1.1.0"), { ageHours: 1_000 });
  expect((await keepUp()).updated).toEqual([]);
  const came = client.event("registry-client.updated");
  later(23);
  expect((await keepUp()).updated).toEqual([]);
  later(1);
  expect((await keepUp()).updated).toMatchObject([{ id: "weather", from: "1.0.0", to: "1.1.0", outcome: "updated" }]);
  expect(await came).toMatchObject({ id: "weather", to: "1.1.0" });
  expect(fits(events["registry-client.updated"]!.payload, await came)).toBe(true);
  expect(await listed()).toMatchObject({ version: "1.1.0", automatic: "came from 1.0.0 by itself; pincer rollback weather goes back" });
  expect((await client.call<{ version: string }>("weather.said", {})).version).toBe("1.1.0");

  shop.publish(await shop.make("1.2.0", { permissions: { net: ["api.weather.example:443"] } }));
  await keepUp();
  later(25);
  const said = "1.2.0 waits: it needs a yes to net api.weather.example:443; what to type: pincer update weather";
  expect((await keepUp()).updated).toMatchObject([{ to: "1.2.0", outcome: "held", said }]);
  expect(await listed()).toMatchObject({ version: "1.1.0", automatic: said });
  expect((await keepUp()).updated).toEqual([]);

  shop.publish(await shop.make("1.3.0", { setup: `ctx.health(async () => ({ ok: false, detail: "no barometer" }));` }));
  await keepUp();
  later(25);
  expect((await keepUp()).updated).toMatchObject([{ to: "1.3.0", outcome: "failed", said: expect.stringContaining("no barometer") }]);
  expect((await keepUp()).updated).toEqual([]);
  expect(await listed()).toMatchObject({ version: "1.1.0" });
  rmSync(home, { recursive: true, force: true });
});
