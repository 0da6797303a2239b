/** A plugin that was installed, and would have others installed: what it may ask of `registry-client` is what its manifest names, which somebody has said yes to. */
import { expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import type { Plan } from "../../plugins/registry-client/engine/plan/plan.ts";
import { startShop } from "../support/packages.ts";

const asking = `
  ctx.method(defineMethod({ name: "weather.ask", summary: "Asks", scope: "operator.read", params: Type.Object({ name: Type.String(), params: Type.Unknown() }), result: Type.Unknown() }),
    async ({ name, params }) => {
      const method = defineMethod({ name, summary: "Asked", scope: "operator.read", params: Type.Unknown(), result: Type.Unknown() });
      return ctx.call(method, params).then((answer) => ({ answer }), ({ code, message }) => ({ code, message }));
    });`;

const request = { do: "install", packages: ["tides"] };
const changing = {
  "registry-client.plan": { request },
  "registry-client.apply": { request, token: "x", accepted: [] },
  "registry-client.info": { package: "tides" },
  "registry-client.pin": { package: "weather", pinned: true },
  "plugins.install": { source: "clawhub", packageName: "tides" },
  "plugins.uninstall": { pluginId: "weather" },
};
const watching = { "registry-client.watch": {}, "registry-client.keepUp": {} };
const reading = { "registry-client.list": {}, "registry-client.search": { query: "tides" }, "registry-client.why": { package: "weather" } };

for (const [scopes, granted, refused] of [
  [[], {}, { ...changing, ...watching, ...reading }],
  [["operator.read"], reading, { ...changing, ...watching }],
] as const)
  testWith("bubblewrap")(
    `a confined plugin ${scopes.length === 0 ? "without scopes" : `with ${scopes.join()}`} reaches ${Object.keys(granted).length} methods of registry-client, and none that changes anything`,
    async () => {
      using shop = startShop();
      shop.publish(await shop.make("1.0.0", { setup: asking, permissions: { scopes: [...scopes] } }));
      shop.publish(await shop.make("1.0.0", { id: "tides" }));
      const home = mkdtempSync(join(tmpdir(), "pincer-confined-"));
      {
        await using running = await startTestGateway({
          home,
          config: { plugins: { "registry-client": { config: { registries: [shop.registry] } } } },
        });
        const client = await running.connect();
        const own = { do: "install", packages: ["weather"] };
        const { token } = await client.call<Plan>("registry-client.plan", { request: own });
        await client.call("registry-client.apply", { request: own, token, accepted: [] });
        const ask = (name: string, params: object) => client.call<object>("weather.ask", { name, params });
        for (const [name, params] of Object.entries(refused))
          expect({ name, said: await ask(name, params) }).toEqual({
            name,
            said: { code: "MISSING_SCOPE", message: expect.stringContaining("operator.") },
          });
        for (const [name, params] of Object.entries(granted))
          expect({ name, said: await ask(name, params) }).toMatchObject({ name, said: { answer: expect.anything() } });
        const { packages } = await client.call<{ packages: object[] }>("registry-client.list", {});
        expect(packages).toMatchObject([{ id: "weather", pinned: false }]);
      }
      rmSync(home, { recursive: true, force: true });
    },
    60_000,
  );
