/** An authenticator of somebody else's, and what the gateway holds it to. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDeviceKey, type WireFailure } from "@pincer/plugin-sdk/testing/client";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { pluginsFolder, writePlugin } from "../fixtures/plugin-host.ts";

/** Lets everybody in for whatever he names, once `own-door.open` has been called; `own-door.end` ends a device's connections. */
const code = `
import { definePlugin } from "@pincer/plugin-sdk";
import { authenticator } from "@pincer/plugin-sdk/contracts/authenticator";
import { gateway } from "@pincer/plugin-sdk/contracts/gateway";
import { defineEvent } from "@pincer/plugin-sdk/event";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const result = Type.Object({});
const scope = "operator.admin";
const asked = defineEvent({ name: "own-door.asked", summary: "x", scope, payload: Type.Object({ deviceId: Type.String() }) });
const open = defineMethod({ name: "own-door.open", summary: "x", scope, params: Type.Object({}), result });
const end = defineMethod({ name: "own-door.end", summary: "x", scope, params: Type.Object({ deviceId: Type.String(), role: Type.Optional(Type.Literal("operator")) }), result });
export default definePlugin({ uses: { gateway }, setup(ctx) {
  const opened = Promise.withResolvers();
  ctx.event(asked);
  ctx.provide(authenticator, "own", {}, {
    identify: async ({ device }) => ({ deviceId: device.id, publicKey: device.publicKey }),
    async admit({ identity: { deviceId }, scopes, shown }) {
      ctx.emit(asked, { deviceId });
      await opened.promise;
      return { scopes: [...scopes, "operator.admin"], deviceToken: JSON.stringify(shown ?? "none"), issuedAtMs: 0 };
    },
    bearer: async () => null,
  });
  ctx.method(open, () => { opened.resolve(); return {}; });
  ctx.method(end, (params, call) => ctx.uses.gateway.disconnect({ ...params, reason: "no longer welcome" }, call));
} });`;

const home = mkdtempSync(join(tmpdir(), "pincer-door-"));
const folder = pluginsFolder(home);
beforeAll(() => writePlugin(folder, "own-door", code, { rank: 1, permissions: { scopes: ["operator.admin"] } }).then(() => undefined));
afterAll(() => rmSync(home, { recursive: true }));
const start = () => startTestGateway({ only: ["devices", "plugin-control"], plugins: [folder], enable: ["own-door"] });

test("a device that is ended while it is being judged does not come in, whatever the judgement is; others do", async () => {
  await using host = await start();
  await using operator = await host.connect();
  const [meant, other] = [createDeviceKey(), createDeviceKey()];
  const asNode = { role: "node", client: { id: "node-host", mode: "node" }, scopes: [] };
  const ended = host.connect({ device: meant, scopes: ["operator.read"] });
  const arriving = [host.connect({ device: meant, ...asNode }), host.connect({ device: other, scopes: ["operator.read"] })];
  const asked = () => operator.eventsOf("own-door.asked").length === 3;
  await operator.event("own-door.asked", asked);
  await operator.call("own-door.end", { deviceId: meant.id, role: "operator" });
  await expect(ended).rejects.toThrow("4001 no longer welcome");
  await operator.call("own-door.open", {});
  const [node, client] = await Promise.all(arriving);
  expect(client?.hello).toMatchObject({ auth: { scopes: ["operator.read"], method: "token" } });
  const here = () => host.gateway.bus.connections().map(({ info, role }) => [role, info.deviceId]);
  expect(here().sort()).toEqual(
    [
      ["node", meant.id],
      ["operator", undefined],
      ["operator", other.id],
    ].sort(),
  );
  await operator.call("own-door.end", { deviceId: other.id });
  expect(await client?.closed).toEqual({ code: 4001, reason: "no longer welcome" });
  expect(await node?.call("health")).toMatchObject({ ok: true });
});

test("it is not told the shared secret when that was right, nor the password, and gives no more than was asked for", async () => {
  await using host = await start();
  await using operator = await host.connect();
  await operator.call("own-door.open", {});
  const right = await host.connect({ device: createDeviceKey(), scopes: ["operator.read"], auth: { password: host.token } });
  expect(right.hello).toMatchObject({ auth: { deviceToken: '"none"', scopes: ["operator.read"] } });
  const wrong = await host.connect({ device: createDeviceKey(), scopes: [], auth: { password: "guess", deviceToken: "d" } });
  expect(wrong.hello).toMatchObject({ auth: { deviceToken: '{"deviceToken":"d"}' } });
});

test("nobody is taken for somebody else because a plugin says so", async () => {
  await using host = await start();
  const device = { ...createDeviceKey(), id: "shared" };
  const error = await host.connect({ device }).catch((failure: WireFailure) => failure.error);
  expect(error).toMatchObject({ code: "UNAVAILABLE", details: { code: "ACCESS_NO_AUTHENTICATOR" } });
});
