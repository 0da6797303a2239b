/** What a gateway's door is with this plugin, without it, and while it is replaced. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { authenticator } from "@pincer/plugin-sdk/contracts/authenticator";
import { createDeviceKey, type WireClient, type WireFailure } from "@pincer/plugin-sdk/testing/client";
import { startTestGateway, type TestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { loopback } from "@pincer/plugin-sdk/testing/loopback";
import { pluginsFolder, writePlugin } from "../../tests/fixtures/plugin-host.ts";
import { openAccessHome, TestDevice } from "../../tests/support/access-home.ts";

const elsewhere = { headers: { "x-forwarded-for": "203.0.113.7" } };
const stateOf = ({ gateway }: TestGateway) => gateway.host.inspect("devices").state;

/** A device from elsewhere that somebody let in. */
async function pair(host: TestGateway, operator: WireClient, scopes: readonly string[] = ["operator.read"]) {
  const device = createDeviceKey();
  const come = () => host.connect({ device, scopes, ...elsewhere });
  const { error } = await come().then(
    () => Promise.reject(new Error("it was let in")),
    (failure: WireFailure) => failure,
  );
  await operator.call("device.pair.approve", { requestId: error.details?.["requestId"] });
  const client = await come();
  const { deviceToken = "" } = client.hello["auth"] as { deviceToken?: string };
  return { device, come, client, deviceToken };
}

test("the plugin is not loaded before somebody comes with a device", async () => {
  await using host = await startTestGateway({ only: ["devices"] });
  await host.connect();
  expect((await host.request("/readyz", { headers: { authorization: `Bearer ${host.token}` } })).status).toBe(200);
  expect(stateOf(host)).toBe("idle");
  await host.connect({ device: createDeviceKey() });
  expect(stateOf(host)).toBe("active");
});

test("a device that comes back while it is removed has no connection behind that", async () => {
  await using host = await startTestGateway({ only: ["devices"] });
  await using operator = await host.connect();
  for (let round = 0; round < 10; round++) {
    const { device, come, client } = await pair(host, operator);
    const coming = Array.from({ length: 4 }, come);
    for (let step = 0; step < round; step++) await new Promise((resolve) => setImmediate(resolve));
    const removed = operator.call("device.pair.remove", { deviceId: device.id });
    const arrived = await Promise.allSettled(coming);
    await removed;
    for (const { value } of arrived.flatMap((one) => (one.status === "fulfilled" ? one : [])))
      expect(await value.closed).toEqual({ code: 4001, reason: "device removed" });
    expect(await client.closed).toEqual({ code: 4001, reason: "device removed" });
    expect(host.gateway.bus.connections().map(({ info }) => info.deviceId)).toEqual([undefined]);
    const { pending } = await operator.call<{ pending: { requestId: string }[] }>("device.pair.list");
    for (const { requestId } of pending) await operator.call("device.pair.reject", { requestId });
  }
});

test("devices keep their tokens and their connections while the plugin is replaced", async () => {
  await using host = await startTestGateway({ only: ["devices", "plugin-control"] });
  await using operator = await host.connect();
  const { device, client, deviceToken } = await pair(host, operator);
  await operator.call("plugins.reload", { pluginId: "devices" });
  expect(await client.call("health")).toMatchObject({ ok: true });
  await using again = await host.connect({ device, auth: { deviceToken }, scopes: ["operator.read"], ...elsewhere });
  expect(again.hello).toMatchObject({ auth: { method: "device-token", deviceToken } });
  const identity = await operator.call("gateway.identity.get");
  await operator.call("plugins.reload", { pluginId: "devices" });
  expect(await operator.call("gateway.identity.get")).toEqual(identity);
});

describe("while the plugin is turned off", () => {
  const refusal = {
    code: "UNAVAILABLE",
    message: expect.stringContaining("no plugin that works provides authenticator"),
    retryable: true,
    details: { code: "ACCESS_NO_AUTHENTICATOR" },
  };

  test("what is open stays, the command line comes in with the shared secret, devices are told what is missing, and come back with what they had", async () => {
    await using host = await startTestGateway({ only: ["devices", "plugin-control"] });
    await using operator = await host.connect();
    const { device, client, deviceToken } = await pair(host, operator);
    await operator.call("plugins.setEnabled", { pluginId: "devices", enabled: false });
    expect(await client.call("health")).toMatchObject({ ok: true });
    await using local = await host.connect();
    expect(local.hello).toMatchObject({ auth: { method: "token" } });
    for (const auth of [{ deviceToken }, { token: host.token }] as Record<string, string>[]) {
      const error = await host.connect({ device, auth, scopes: [], ...elsewhere }).catch((failure: WireFailure) => failure.error);
      expect(error).toMatchObject(refusal);
    }
    await operator.call("plugins.setEnabled", { pluginId: "devices", enabled: true });
    await using again = await host.connect({ device, auth: { deviceToken }, scopes: ["operator.read"], ...elsewhere });
    expect(again.hello).toMatchObject({ auth: { deviceToken } });
  });

  test("who guesses at the shared secret is still counted", async () => {
    await using host = await startTestGateway({ only: [] });
    const guess = () => host.connect({ token: "wrong", ...elsewhere }).catch(({ error }: WireFailure) => error.details?.["code"]);
    for (let n = 0; n < 10; n++) expect(await guess()).toBe("AUTH_TOKEN_MISMATCH");
    expect(await guess()).toBe("AUTH_RATE_LIMITED");
  });
});

test("a plugin that is broken keeps devices out, and strangers learn nothing of how it is broken", async () => {
  const home = mkdtempSync(join(tmpdir(), "pincer-broken-"));
  const folder = pluginsFolder(home);
  const permissions = { scopes: ["operator.admin"] };
  // Not yet where its manifest is recorded.
  const code = `
import { existsSync } from "node:fs";
import { definePlugin } from "@pincer/plugin-sdk";
import { authenticator } from "@pincer/plugin-sdk/contracts/authenticator";
const never = async () => null;
export default definePlugin({ setup(ctx) {
  if (existsSync(ctx.home + "/pincer.json5")) throw new Error("no such file: /home/ada/private");
  ctx.provide(authenticator, "own", {}, { identify: never, admit: never, bearer: never });
} });`;
  await writePlugin(folder, "own-door", code, { permissions });
  await using host = await startTestGateway({ only: [], plugins: [folder], enable: ["own-door"] });
  const failure = await host.connect({ device: createDeviceKey() }).catch(({ error }: WireFailure) => error);
  expect(failure).toMatchObject({ code: "UNAVAILABLE", details: { code: "ACCESS_NO_AUTHENTICATOR" } });
  expect(JSON.stringify(failure)).not.toContain("ada");
  expect(JSON.stringify(host.lines)).toContain("no such file: /home/ada/private");
  await host.connect();
  rmSync(home, { recursive: true });
});

test("it decides alike when it stands in a process of its own", async () => {
  await using home = await openAccessHome();
  const far = loopback(authenticator, home.authenticator);
  const io = { signal: new AbortController().signal };
  const device = new TestDevice();
  const { client, auth, device: signed } = device.params({ auth: { token: "shared" } }, home.clock.now());
  const connect = { client, auth, device: signed!, nonce: "n-1" };
  const identity = await far.identify(connect, io);
  expect(identity).toEqual({ deviceId: device.id, publicKey: device.publicKey });
  await expect(far.identify({ ...connect, nonce: "n-2" }, io)).rejects.toMatchObject({
    ...{ code: "DEVICE_AUTH_NONCE_MISMATCH", wire: "INVALID_REQUEST", data: { reason: "device-nonce-mismatch" } },
  });
  const asked = { identity, client, role: "operator" as const, scopes: ["operator.read" as const], remoteIp: "127.0.0.1" };
  await expect(far.admit({ ...asked, directLoopback: false }, io)).rejects.toMatchObject({
    ...{ code: "PAIRING_REQUIRED", wire: "NOT_PAIRED", data: { reason: "not-paired", deviceId: device.id } },
  });
  expect(await far.admit({ ...asked, directLoopback: true, shown: { bootstrapToken: "guessed" } }, io)).toBeNull();
  const grant = await far.admit({ ...asked, directLoopback: true }, io);
  const { deviceToken = "" } = grant ?? {};
  expect(grant).toEqual({ scopes: ["operator.read"], deviceToken, issuedAtMs: home.clock.now() });
  const again = await far.admit({ ...asked, directLoopback: false, shown: { deviceToken } }, io);
  expect(again).toMatchObject({ method: "device-token", deviceToken });
  expect(await far.bearer({ token: deviceToken }, io)).toEqual({ deviceId: device.id, scopes: ["operator.read"] });
  expect(await far.bearer({ token: `${deviceToken}x` }, io)).toBeNull();
});
