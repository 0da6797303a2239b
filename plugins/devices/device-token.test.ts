import { afterEach, describe, expect, test } from "bun:test";
import {
  type AccessHome,
  admitted,
  approve,
  clients,
  codeOf,
  elsewhere,
  refused,
  requestOf,
  secretOf,
  TestDevice,
  useHomes,
} from "../../tests/support/access-home.ts";

const { open, restart } = useHomes(afterEach);

const read = ["operator.read"] as const;

describe("a paired device", () => {
  const pair = async (home: AccessHome, scopes: readonly string[] = read) => {
    const device = new TestDevice();
    const { deviceToken = "" } = await admitted(device.connect(home, { ...secretOf(home), scopes }));
    return { device, deviceToken };
  };

  test("comes back with its token alone, from anywhere, and gets the same one, also after a restart", async () => {
    let home = await open();
    const { device, deviceToken } = await pair(home, ["operator.write"]);
    for (const auth of [{ deviceToken }, { token: deviceToken }, { token: deviceToken, deviceToken }, { token: "stale", deviceToken }]) {
      const hello = await admitted(device.connect(home, { auth, scopes: read }, elsewhere));
      expect(hello).toMatchObject({ deviceToken, method: "device-token", scopes: ["operator.read"] });
    }
    home = await restart(home);
    expect(await admitted(device.connect(home, { auth: { deviceToken } }))).toMatchObject({ deviceToken, scopes: [] });
    expect(await admitted(device.connect(home, secretOf(home)))).toMatchObject({ deviceToken, method: "token" });
  });

  test("asks for more: with the shared secret that is a request, with its token alone a refusal", async () => {
    const home = await open();
    const { device, deviceToken } = await pair(home);
    const scopes = ["operator.read", "operator.write"];
    const { error } = await refused(device.connect(home, { auth: { deviceToken }, scopes }));
    expect(error).toMatchObject({
      ...{ code: "AUTH_SCOPE_MISMATCH", wire: "INVALID_REQUEST" },
      data: { authReason: "scope_mismatch", requestedScopes: scopes, approvedScopes: ["operator.read"] },
    });
    const request = await requestOf(device.connect(home, { ...secretOf(home), scopes }));
    expect(request).toMatchObject({ reason: "scope-upgrade", approvedScopes: ["operator.read"], approvedRoles: ["operator"] });
    expect(home.emitted.at(-1)?.payload).toMatchObject({ isRepair: true });
    await approve(home, request.requestId);
    expect(await admitted(device.connect(home, { auth: { deviceToken }, scopes }))).toMatchObject({ scopes });
  });

  test("may ask for what its scopes imply", async () => {
    const home = await open();
    const { device, deviceToken } = await pair(home, ["operator.admin"]);
    const scopes = ["operator.pairing", "operator.talk.secrets"];
    expect(await admitted(device.connect(home, { auth: { deviceToken }, scopes }))).toMatchObject({ scopes });
  });

  test("asks for another role, or comes as another machine, and must be approved again", async () => {
    const home = await open();
    const { device, deviceToken } = await pair(home);
    const asNode = { ...secretOf(home), client: { ...clients.node, platform: "LINUX" }, role: "node" };
    const role = await requestOf(device.connect(home, asNode));
    expect(role).toMatchObject({ reason: "role-upgrade", approvedRoles: ["operator"], approvedScopes: [] });
    expect(await codeOf(device.connect(home, { ...asNode, auth: { deviceToken } }))).toBe("AUTH_DEVICE_TOKEN_MISMATCH");
    await approve(home, role.requestId);
    const hello = await admitted(device.connect(home, asNode));
    expect(hello.deviceToken).not.toBe(deviceToken);

    for (const client of [
      { ...clients.tui, platform: "windows" },
      { ...clients.tui, deviceFamily: "Phone" },
    ]) {
      const request = await requestOf(device.connect(home, { auth: { deviceToken }, client }));
      expect(request.reason).toBe("metadata-upgrade");
      await approve(home, request.requestId);
      expect(await codeOf(device.connect(home, { auth: { deviceToken }, client }))).toBe("admitted");
    }
  });

  test("loses its token by rotation, and the new one is told to nobody but itself", async () => {
    const home = await open();
    const { device, deviceToken } = await pair(home, ["operator.write"]);
    const params = { deviceId: device.id, role: "operator" };
    const withheld = await home.call<Record<string, unknown>>("device.token.rotate", params);
    expect(withheld).toEqual({
      ...params,
      scopes: ["operator.write"],
      rotatedAtMs: home.clock.now(),
      tokenDelivery: "withheld-cross-device",
    });
    expect(home.revoked).toEqual([{ deviceId: device.id, role: "operator", reason: "auth rotated" }]);
    expect(await codeOf(device.connect(home, { auth: { deviceToken } }))).toBe("AUTH_DEVICE_TOKEN_MISMATCH");
    expect(await codeOf(device.connect(home, secretOf(home)))).toBe("admitted");

    const itself = { deviceId: device.id, scopes: ["operator.pairing"] } as const;
    const told = await home.call<{ token: string }>("device.token.rotate", { ...params, scopes: ["operator.read"] }, itself);
    expect(told).toMatchObject({ scopes: ["operator.read"], tokenDelivery: "in-band" });
    expect(home.revoked.at(-1)).toEqual({ deviceId: device.id, role: "operator", reason: "auth rotated", except: "c1" });
    expect(await codeOf(device.connect(home, { auth: { deviceToken: told.token }, scopes: read }))).toBe("admitted");
    expect(await codeOf(device.connect(home, { auth: { deviceToken: told.token }, scopes: ["operator.write"] }))).toBe(
      "AUTH_SCOPE_MISMATCH",
    );
    const wider = home.call("device.token.rotate", { ...params, scopes: ["operator.admin"] });
    await expect(wider).rejects.toMatchObject({ code: "MISSING_SCOPE" });
  });

  test("loses its token by revocation, and everything by removal, for ever", async () => {
    const home = await open();
    const { device, deviceToken } = await pair(home);
    await home.call("device.token.revoke", { deviceId: device.id, role: "operator" });
    expect(await codeOf(device.connect(home, { auth: { deviceToken } }))).toBe("AUTH_DEVICE_TOKEN_MISMATCH");
    const { deviceToken: second } = await admitted(device.connect(home, secretOf(home)));

    expect(await home.call("device.pair.remove", { deviceId: device.id })).toEqual({ deviceId: device.id });
    expect(home.revoked.at(-1)).toEqual({ deviceId: device.id, reason: "device removed" });
    expect(await home.call("device.pair.list")).toMatchObject({ paired: [] });
    const { deviceToken: third } = await admitted(device.connect(home, secretOf(home)));
    expect(new Set([deviceToken, second, third]).size).toBe(3);
    for (const old of [deviceToken, second]) {
      expect(await codeOf(device.connect(home, { auth: { deviceToken: old } }))).toBe("AUTH_DEVICE_TOKEN_MISMATCH");
    }
  });

  test("is managed only by itself or by somebody who holds at least its scopes", async () => {
    const home = await open();
    const { device } = await pair(home, ["operator.admin"]);
    const weak = { deviceId: "another", scopes: ["operator.pairing"] } as const;
    const params = { deviceId: device.id, role: "operator" };
    for (const method of ["device.token.rotate", "device.token.revoke"]) {
      await expect(home.call(method, params, weak)).rejects.toMatchObject({ code: "MISSING_SCOPE" });
    }
    await expect(home.call("device.pair.remove", { deviceId: device.id }, weak)).rejects.toMatchObject({ code: "MISSING_SCOPE" });
    await home.call("device.pair.remove", { deviceId: device.id }, { ...weak, deviceId: device.id });
    await expect(home.call("device.pair.remove", { deviceId: device.id })).rejects.toMatchObject({ code: "PAIRING_DEVICE_UNKNOWN" });
    await expect(home.call("device.token.revoke", params)).rejects.toMatchObject({ code: "PAIRING_DEVICE_UNKNOWN" });
  });

  test("has a name, a time when it was last seen, and is shown as connected while it is", async () => {
    const home = await open();
    const { device, deviceToken } = await pair(home);
    expect(await home.call("device.pair.rename", { deviceId: device.id, label: "Ada's desk" })).toMatchObject({ label: "Ada's desk" });
    home.clock.jump(60_000);
    await admitted(device.connect(home, { auth: { deviceToken } }));
    await home.store.write();
    home.connected.add(device.id);
    expect(await home.call("device.pair.list")).toMatchObject({
      paired: [
        {
          label: "Ada's desk",
          lastSeenAtMs: home.clock.now(),
          approvedAtMs: home.clock.now() - 60_000,
          connected: true,
          platform: "linux",
        },
      ],
    });
    await expect(home.call("device.pair.rename", { deviceId: "nobody", label: "x" })).rejects.toMatchObject({
      code: "PAIRING_DEVICE_UNKNOWN",
    });
  });
});
