/** Pairing over a real gateway, with the published client and the published schemas as judges. */
import { expect, test } from "bun:test";
import { GatewayClient, type GatewayClientOptions } from "@openclaw/gateway-client";
import {
  DevicePairRequestedEventSchema,
  DevicePairResolvedEventSchema,
  DevicePairSetupCodeResultSchema,
} from "@openclaw/gateway-protocol/schema";
import { reviveSchema } from "@pincer/plugin-sdk/schema";
import { createDeviceKey, type WireFailure } from "@pincer/plugin-sdk/testing/client";
import { startTestGateway, type TestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { Value } from "@sinclair/typebox/value";
import { createClientDevice } from "../../tests/support/client-device.ts";

const fits = (schema: unknown, payload: unknown) =>
  [...Value.Errors(reviveSchema(schema), payload)].map(({ path, message }) => `${path}: ${message}`);
type Hello = Parameters<NonNullable<GatewayClientOptions["onHelloOk"]>>[0];

async function run(host: TestGateway, options: Partial<GatewayClientOptions>): Promise<Hello> {
  const said = Promise.withResolvers<Hello>();
  const client = new GatewayClient({
    ...{ url: host.url, clientName: "openclaw-tui", mode: "ui", role: "operator", scopes: ["operator.read"] },
    ...{ onHelloOk: said.resolve, onReconnectPaused: (info: object) => said.reject(info), ...options },
  } as GatewayClientOptions);
  client.start();
  return said.promise.finally(() => client.stopAndWait());
}

test("the published client pairs on loopback, comes back with its token, and falls back on it when the shared one changed", async () => {
  await using host = await startTestGateway({ only: ["devices"] });
  const { kept, deviceId, options } = createClientDevice();
  const first = await run(host, { ...options, token: host.token });
  expect(first.auth).toMatchObject({ method: "token", role: "operator", scopes: ["operator.read"], deviceToken: kept.token });

  const again = await run(host, options);
  expect(again.auth).toMatchObject({ method: "device-token", deviceToken: first.auth.deviceToken });

  const fallenBack = await run(host, { ...options, token: "the one of last week" });
  expect(fallenBack.auth).toMatchObject({ method: "device-token", deviceToken: first.auth.deviceToken });

  await using operator = await host.connect();
  await operator.call("device.token.revoke", { deviceId, role: "operator" });
  await expect(run(host, options)).rejects.toMatchObject({ detailCode: "AUTH_DEVICE_TOKEN_MISMATCH" });
  expect(kept.token).toBeUndefined();
  await expect(run(host, options)).rejects.toMatchObject({ detailCode: "AUTH_TOKEN_MISSING" });
});

test("a device behind a proxy asks, an operator is told and approves, and both see the wire's own shapes", async () => {
  await using host = await startTestGateway({ only: ["devices"] });
  await using operator = await host.connect();
  const device = createDeviceKey();
  const ask = { device, headers: { "x-forwarded-for": "203.0.113.7" }, scopes: ["operator.read"] };
  const refusal = await host.connect(ask).catch((failure: WireFailure) => failure.error);
  expect(refusal).toMatchObject({ code: "NOT_PAIRED", details: { code: "PAIRING_REQUIRED", reason: "not-paired", deviceId: device.id } });

  const requested = await operator.event("device.pair.requested");
  expect(fits(DevicePairRequestedEventSchema, requested)).toEqual([]);
  await operator.call("device.pair.approve", { requestId: requested.requestId });
  expect(fits(DevicePairResolvedEventSchema, await operator.event("device.pair.resolved"))).toEqual([]);

  await using paired = await host.connect(ask);
  expect(paired.hello).toMatchObject({ auth: { scopes: ["operator.read"], deviceToken: expect.any(String) } });
  expect(await operator.call("device.pair.list")).toMatchObject({ pending: [], paired: [{ deviceId: device.id, connected: true }] });
  await expect(paired.call("device.pair.list")).rejects.toThrow("missing scope: operator.pairing");
});

test("a setup code fits the wire's own shape and lets one device in", async () => {
  await using host = await startTestGateway({ only: ["devices"] });
  await using operator = await host.connect();
  const code = await operator.call("device.pair.setupCode", {});
  expect(fits(DevicePairSetupCodeResultSchema, code)).toEqual([]);
  const { url, bootstrapToken } = JSON.parse(Buffer.from(String(code.setupCode), "base64url").toString());
  expect(new URL(url).host).toBe(new URL(host.url).host);
  const scopes = ["operator.admin"];
  await using phone = await host.connect({ auth: { bootstrapToken }, device: createDeviceKey(), scopes });
  expect(phone.hello).toMatchObject({ auth: { method: "bootstrap-token", scopes } });
  const second = host.connect({ auth: { bootstrapToken }, device: createDeviceKey(), scopes });
  await expect(second).rejects.toThrow("AUTH_BOOTSTRAP_TOKEN_INVALID");
});

test("a login link leads to the page, and lets one browser in", async () => {
  await using host = await startTestGateway({ only: ["devices"] });
  await using operator = await host.connect();
  const { url, expiresAtMs } = await operator.call<{ url: string; expiresAtMs: number }>("gateway.loginLink", {});
  const [page, bootstrapToken = ""] = url.split("#login=");
  expect([page, expiresAtMs > 0]).toEqual([`${host.http}/`, true]);
  const browser = { auth: { bootstrapToken }, device: createDeviceKey(), scopes: ["operator.write"] };
  await using tab = await host.connect(browser);
  expect(tab.hello).toMatchObject({ auth: { scopes: ["operator.write"], deviceToken: expect.any(String) } });
  await expect(host.connect({ ...browser, device: createDeviceKey() })).rejects.toThrow("AUTH_BOOTSTRAP_TOKEN_INVALID");
});

test("a device that rotates its own token is told the new one and stays, its other connections end", async () => {
  await using host = await startTestGateway({ only: ["devices"] });
  const device = createDeviceKey();
  const scopes = ["operator.pairing"];
  await using own = await host.connect({ device, scopes });
  await using other = await host.connect({ device, scopes });
  const { token } = await own.call<{ token: string }>("device.token.rotate", { deviceId: device.id, role: "operator" });
  expect(await other.closed).toMatchObject({ code: 4001, reason: "auth rotated" });
  await using again = await host.connect({ auth: { deviceToken: token }, device, scopes });
  expect(again.hello).toMatchObject({ auth: { deviceToken: token } });
  expect(await own.call("device.pair.list")).toMatchObject({ paired: [{ deviceId: device.id, connected: true }] });
});
