import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { buildDeviceAuthPayload, buildDeviceAuthPayloadV3 } from "@openclaw/gateway-client";
import { resolveDeviceAuthConnectErrorDetailCode } from "@openclaw/gateway-protocol/connect-error-details";
import {
  type AccessHome,
  type Asking,
  admitted,
  clients,
  codeOf,
  decided,
  openAccessHome,
  refused,
  TestDevice,
} from "../../tests/support/access-home.ts";
import { gatewayIdentity } from "./signature.ts";

let home: AccessHome;
beforeAll(async () => {
  home = await openAccessHome({ lockout: { attempts: 1_000_000 } });
});
afterAll(() => home[Symbol.asyncDispose]());

const token = () => ({ token: home.keys.token });

describe("a device that signs its connect", () => {
  for (const version of ["v3", "v2"] as const) {
    test(`is believed with a ${version} signature`, async () => {
      const device = new TestDevice();
      const result = await admitted(device.connect(home, { version, auth: token(), scopes: ["operator.read", "operator.write"] }));
      expect(result).toMatchObject({
        principal: device.id,
        deviceId: device.id,
        scopes: ["operator.read", "operator.write"],
        method: "token",
      });
    });
  }

  test("is believed when it signs as the reference client does", async () => {
    for (const build of [buildDeviceAuthPayloadV3, buildDeviceAuthPayload]) {
      const device = new TestDevice();
      const client = { ...clients.tui, platform: "  Linux X86_64Ä ", deviceFamily: "DeskTop" };
      const asking: Asking = { client, auth: token(), scopes: ["operator.write", "operator.read"] };
      const payload = build({
        ...{
          deviceId: device.id,
          clientId: client.id,
          clientMode: client.mode,
          role: "operator",
          scopes: ["operator.write", "operator.read"],
        },
        ...{
          signedAtMs: home.clock.now(),
          token: home.keys.token,
          nonce: "n-1",
          platform: client.platform,
          deviceFamily: client.deviceFamily,
        },
      });
      const signature = sign(null, Buffer.from(payload), device.privateKey).toString("base64url");
      expect(await codeOf(device.connect(home, { ...asking, forge: { signature } }))).toBe("admitted");
    }
  });

  test("may write its public key as padded base64 or PEM", async () => {
    const device = new TestDevice();
    const raw = Buffer.from(device.publicKey, "base64url");
    const pem = createPublicKey(device.privateKey).export({ type: "spki", format: "pem" }).toString();
    for (const publicKey of [raw.toString("base64"), pem]) {
      expect(await codeOf(device.connect(home, { auth: token(), forge: { publicKey } }))).toBe("admitted");
    }
  });

  test("signs whichever token comes first, never the password", async () => {
    const device = new TestDevice();
    expect(await codeOf(device.connect(home, { auth: { password: home.keys.token } }))).toBe("admitted");
    expect(await codeOf(device.connect(home, { auth: { password: home.keys.token, deviceToken: "stale" } }))).toBe("admitted");
  });
});

describe("a device is refused, with a code and a reason", () => {
  const other = new TestDevice();
  const cases: [string, string, (home: AccessHome) => Asking][] = [
    ["DEVICE_AUTH_SIGNATURE_INVALID", "device-signature", () => ({ version: "v1" })],
    ["DEVICE_AUTH_SIGNATURE_INVALID", "device-signature", () => ({ forge: { signature: "AAAA" } })],
    ["DEVICE_AUTH_SIGNATURE_INVALID", "device-signature", () => ({ forge: { signature: `${"A".repeat(85)}=` } })],
    ["DEVICE_AUTH_DEVICE_ID_MISMATCH", "device-id-mismatch", () => ({ forge: { id: other.id } })],
    ["DEVICE_AUTH_DEVICE_ID_MISMATCH", "device-id-mismatch", () => ({ forge: { publicKey: other.publicKey } })],
    ["DEVICE_AUTH_PUBLIC_KEY_INVALID", "device-public-key", () => ({ forge: { publicKey: "not a key" } })],
    ["DEVICE_AUTH_PUBLIC_KEY_INVALID", "device-public-key", () => ({ forge: { publicKey: Buffer.alloc(31).toString("base64url") } })],
    ["DEVICE_AUTH_PUBLIC_KEY_INVALID", "device-public-key", () => ({ forge: { publicKey: rsa } })],
    ["DEVICE_AUTH_SIGNATURE_EXPIRED", "device-signature-stale", ({ clock }) => ({ signedAt: clock.now() - 120_001 })],
    ["DEVICE_AUTH_SIGNATURE_EXPIRED", "device-signature-stale", ({ clock }) => ({ signedAt: clock.now() + 120_001 })],
    ["DEVICE_AUTH_NONCE_REQUIRED", "device-nonce-missing", () => ({ forge: { nonce: " " } })],
    ["DEVICE_AUTH_NONCE_MISMATCH", "device-nonce-mismatch", () => ({ nonce: "another connection's" })],
  ];
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "pem" }).toString();

  for (const [index, [code, reason, asking]] of cases.entries()) {
    test(`${code} (${index + 1})`, async () => {
      const { error, closeCode } = await refused(new TestDevice().connect(home, { auth: token(), ...asking(home) }));
      expect({ code: error.code, wire: error.wire, reason: error.data?.reason, closeCode }).toEqual({
        ...{ code, wire: "INVALID_REQUEST", reason, closeCode: 1008 },
      });
      expect(resolveDeviceAuthConnectErrorDetailCode(reason)).toBe(code as never);
    });
  }

  test("when anything that it signed is changed on the way", async () => {
    const device = new TestDevice();
    const params = device.params({ auth: token(), scopes: ["operator.read"] }, home.clock.now());
    const door = { remoteAddress: "127.0.0.1", headers: { host: "127.0.0.1" }, directLoopback: true };
    const changed = [
      { ...params, scopes: ["operator.admin"] },
      { ...params, role: "node" },
      { ...params, client: { ...params.client, mode: "cli" as const } },
      { ...params, client: { ...params.client, platform: "windows" } },
      { ...params, auth: { token: `${home.keys.token} ` } },
    ];
    for (const params of changed) {
      expect(await codeOf(decided(home.access.connect({ door, nonce: "n-1", params })))).toBe("DEVICE_AUTH_SIGNATURE_INVALID");
    }
  });

  test("but not at the very edge of the signature window", async () => {
    for (const offset of [-120_000, 120_000]) {
      expect(await codeOf(new TestDevice().connect(home, { auth: token(), signedAt: home.clock.now() + offset }))).toBe("admitted");
    }
  });
});

const flip = (text: string) => {
  const at = Math.floor(Math.random() * text.length);
  const replacement = String.fromCharCode(33 + Math.floor(Math.random() * 94));
  return text[at] === replacement ? `${text}!` : text.slice(0, at) + replacement + text.slice(at + 1);
};

test("no signature with a changed byte is believed, in 2,000 random tries", async () => {
  const device = new TestDevice();
  await admitted(device.connect(home, { auth: token() }));
  for (let round = 0; round < 2_000; round++) {
    const { device: signed } = device.params({ auth: token() }, home.clock.now());
    const signature = flip(signed?.signature ?? "");
    const code = await codeOf(device.connect(home, { auth: token(), forge: { signature } }));
    if (code !== "DEVICE_AUTH_SIGNATURE_INVALID") throw new Error(`${code} for ${signature}, which was ${signed?.signature}`);
  }
});

test("no shared token, device token or bootstrap token with a changed byte is believed, in 3 times 500 random tries", async () => {
  const device = new TestDevice();
  const { deviceToken = "" } = await admitted(device.connect(home, { auth: token() }));
  const bootstrapToken = await home.invite();
  const attempts: [string, (bad: string) => Asking["auth"], string][] = [
    [home.keys.token, (bad) => ({ token: bad }), "AUTH_TOKEN_MISMATCH"],
    [deviceToken, (bad) => ({ token: bad, deviceToken: bad }), "AUTH_DEVICE_TOKEN_MISMATCH"],
    [bootstrapToken, (bad) => ({ bootstrapToken: bad }), "AUTH_BOOTSTRAP_TOKEN_INVALID"],
  ];
  for (const [good, auth, expected] of attempts) {
    for (let round = 0; round < 500; round++) {
      const bad = flip(good);
      const code = await codeOf(device.connect(home, { auth: auth(bad) }));
      if (code !== expected) throw new Error(`${code} for ${bad}, which was ${good}`);
    }
  }
  expect(await codeOf(device.connect(home, { auth: { bootstrapToken } }))).toBe("admitted");
});

test("the gateway's own identity is the same for the same key, and another for another", () => {
  const identity = gatewayIdentity(Buffer.alloc(32, 1));
  expect(gatewayIdentity(Buffer.alloc(32, 1))).toEqual(identity);
  expect(gatewayIdentity(Buffer.alloc(32, 2)).deviceId).not.toBe(identity.deviceId);
  expect(identity.deviceId).toMatch(/^[0-9a-f]{64}$/);
  expect(Buffer.from(identity.publicKey, "base64url").length).toBe(32);
});
