/** A package that is made to keep whoever looks through it busy: the gateway goes on meanwhile, and whoever installs is told that nobody has seen what is in it. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { filesOf, pack } from "../../plugin-kit/archive.ts";
import type { Plan } from "../../plugins/registry-client/engine/plan/plan.ts";
import { type Shop, startShop } from "../support/packages.ts";

/** Seconds for the rules, and 17 kB as it comes. */
const slow = "eval(import(a `".repeat(120_000);

async function publish(shop: Shop, version: string, more: Readonly<Record<string, string>>): Promise<void> {
  const made = await shop.make(version);
  for (const [name, text] of Object.entries(more)) writeFileSync(join(made.folder, name), text);
  shop.publish({ ...made, archive: pack(filesOf(made.folder)) });
}

test("a gateway answers while a hostile package is looked through, gives up in time, and says so in the plan, which needs a yes to it", async () => {
  using shop = startShop();
  await publish(shop, "1.0.0", { "a.ts": slow, "b.ts": slow, "c.ts": slow });
  const clock = createManualClock(Date.now());
  const config = { registries: [shop.registry], scanSeconds: 30, fetchMinutes: 1_440 };
  await using running = await startTestGateway({ clock, config: { plugins: { "registry-client": { config } } } });
  const client = await running.connect();
  const request = { do: "install", packages: ["weather"] };
  let plan: Plan | undefined;
  const planning = client.call<Plan>("registry-client.plan", { request }).then((one) => {
    plan = one;
  });
  let answered = 0;
  // Each turn is a second to the gateway.
  while (plan === undefined) {
    await client.call("health", {});
    answered += 1;
    await clock.advance(1000);
  }
  await planning;
  expect(answered).toBeGreaterThanOrEqual(30);
  const [item] = plan.items;
  expect(item!.notices).toContainEqual({
    ...{ code: "unscanned", level: "yes", finding: "new" },
    text: expect.stringContaining("could not be looked through in 30 s"),
  });
  expect(item!.needs).toContain("unscanned");
}, 60_000);

test("what is found in a package that is looked through apart stands in its plan, as of a small one, and it installs", async () => {
  using shop = startShop();
  const shell = "// eval(text) is said here, and done nowhere.\n".repeat(2000);
  await publish(shop, "1.0.0", { "large.ts": `${shell}await fetch("https://tracker.io/in");\n` });
  await using running = await startTestGateway({ config: { plugins: { "registry-client": { config: { registries: [shop.registry] } } } } });
  const client = await running.connect();
  const request = { do: "install", packages: ["weather"] };
  const plan = await client.call<Plan>("registry-client.plan", { request });
  const codes = plan.items[0]!.notices.map(({ code }) => code);
  expect(codes).toContain("undeclared-host");
  expect(codes).not.toContain("unscanned");
  const accepted = plan.items[0]!.needs;
  await client.call("registry-client.apply", { request, token: plan.token, accepted });
  expect(await client.call<{ version: string }>("weather.said", {})).toEqual({ version: "1.0.0" });
  expect(running.lines.filter(({ event }) => event === "registry-client.unscanned")).toEqual([]);
}, 60_000);
