import { afterEach, describe, expect, test } from "bun:test";
import { shouldPauseGatewayReconnect } from "@openclaw/gateway-client/browser";
import { readPairingConnectErrorDetails } from "@openclaw/gateway-protocol/connect-error-details";
import {
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

describe("an unknown device with the right secret", () => {
  test("is approved silently on this machine and gets a token", async () => {
    const home = await open();
    const device = new TestDevice();
    const hello = await admitted(device.connect(home, { ...secretOf(home), scopes: read }));
    expect(hello).toMatchObject({ scopes: ["operator.read"], method: "token", issuedAtMs: home.clock.now() });
    expect(hello.deviceToken).toStartWith(device.id);
    expect(home.emitted).toEqual([]);
    expect(await home.call("device.pair.list")).toMatchObject({ pending: [], paired: [{ deviceId: device.id, approvedVia: "silent" }] });
    await home.access.audit.settled();
    expect((await home.access.audit.page())[0]).toMatchObject({ action: "device.pair.approve", principal: "silent" });
  });

  test("gets one token, however many of its pages come at once", async () => {
    const home = await open();
    const device = new TestDevice();
    const hellos = await Promise.all(Array.from({ length: 8 }, () => admitted(device.connect(home, secretOf(home)))));
    expect(new Set(hellos.map(({ deviceToken }) => deviceToken)).size).toBe(1);
    expect(await codeOf(device.connect(home, { auth: { token: hellos[0]?.deviceToken } }))).toBe("admitted");
  });

  test("must be approved when it comes from elsewhere, and then the same connect succeeds", async () => {
    const home = await open();
    const device = new TestDevice();
    const asking = { ...secretOf(home), scopes: ["operator.read", "operator.approvals"] };
    const { error, closeCode } = await refused(device.connect(home, asking, elsewhere));
    const details: Record<string, unknown> = { code: error.code, ...error.data };
    expect({ wire: error.wire, closeCode }).toEqual({ wire: "NOT_PAIRED", closeCode: 1008 });
    expect(details).toEqual({
      ...{ code: "PAIRING_REQUIRED", reason: "not-paired", requestId: expect.any(String), deviceId: device.id, requestedRole: "operator" },
      ...{
        requestedScopes: ["operator.read", "operator.approvals"],
        approvedRoles: [],
        approvedScopes: [],
        retryable: false,
        pauseReconnect: true,
      },
      remediationHint: "Approve this device from the pending pairing requests.",
    });
    expect(readPairingConnectErrorDetails(details)).toMatchObject({ reason: "not-paired", deviceId: device.id });
    expect(shouldPauseGatewayReconnect({ details })).toBe(true);
    const { requestId } = error.data as { requestId: string };
    expect(home.emitted.length).toBe(1);
    expect(home.emitted[0]).toMatchObject({
      ...{ name: "device.pair.requested", payload: { requestId, deviceId: device.id, isRepair: false, silent: false } },
    });

    expect(await approve(home, requestId)).toMatchObject({
      requestId,
      device: { deviceId: device.id, approvedVia: "operator", connected: false },
    });
    expect(home.emitted.at(-1)).toMatchObject({
      name: "device.pair.resolved",
      payload: { requestId, deviceId: device.id, decision: "approved" },
    });
    expect(await admitted(device.connect(home, asking, elsewhere))).toMatchObject({ scopes: ["operator.read", "operator.approvals"] });
  });

  test("must be approved when a proxy stands between, even on this machine", async () => {
    const home = await open();
    for (const name of ["x-forwarded-for", "forwarded", "x-real-ip"]) {
      const door = { headers: { [name]: "127.0.0.1" } };
      expect(await codeOf(new TestDevice().connect(home, secretOf(home), door))).toBe("PAIRING_REQUIRED");
    }
  });

  test("that is a node keeps trying by itself until it is approved", async () => {
    const home = await open();
    const node = new TestDevice();
    const asking = { ...secretOf(home), client: clients.node, role: "node", scopes: ["operator.admin"] };
    const { error } = await refused(node.connect(home, asking, elsewhere));
    expect(error.data).toMatchObject({ requestedRole: "node", requestedScopes: [], recommendedNextStep: "wait_then_retry" });
    expect(shouldPauseGatewayReconnect({ details: { code: error.code, ...error.data } })).toBe(false);
    await approve(home, (error.data as { requestId: string }).requestId);
    expect(await admitted(node.connect(home, asking, elsewhere))).toMatchObject({ role: "node", scopes: [] });
  });
});

describe("requests to pair", () => {
  test("are one for each device: asked again it is the same one, asked for something else another", async () => {
    const home = await open();
    const device = new TestDevice();
    const ask = (scopes: readonly string[]) => requestOf(device.connect(home, { ...secretOf(home), scopes }, elsewhere));
    const first = await ask(read);
    home.clock.jump(1_000);
    expect((await ask(read)).requestId).toBe(first.requestId);
    expect(home.emitted.length).toBe(1);
    const second = await ask(["operator.write"]);
    expect(second.requestId).not.toBe(first.requestId);
    expect(home.emitted.length).toBe(2);
    expect(await home.call("device.pair.list")).toMatchObject({ pending: [{ requestId: second.requestId }] });
    await expect(approve(home, first.requestId)).rejects.toMatchObject({ code: "PAIRING_REQUEST_UNKNOWN" });
  });

  test("outlive a restart, but neither their age nor their number has no end", async () => {
    let home = await open({ devices: { maxRequests: 3 } });
    const devices = Array.from({ length: 5 }, () => new TestDevice());
    for (const device of devices) {
      await requestOf(device.connect(home, secretOf(home), elsewhere));
      home.clock.jump(1);
    }
    home = await restart(home);
    const pendingIds = async () => (await home.call<{ pending: { deviceId: string; requestId: string }[] }>("device.pair.list")).pending;
    expect((await pendingIds()).map(({ deviceId }) => deviceId)).toEqual(devices.slice(2).map(({ id }) => id));
    const [{ requestId = "" } = {}] = await pendingIds();
    home.clock.jump(home.devices.requestTtlMs);
    expect(await pendingIds()).toEqual([]);
    await expect(approve(home, requestId)).rejects.toMatchObject({ code: "PAIRING_REQUEST_UNKNOWN" });
  });

  test("that are rejected are gone, and may be asked anew", async () => {
    const home = await open();
    const device = new TestDevice();
    const { requestId } = await requestOf(device.connect(home, secretOf(home), elsewhere));
    expect(await home.call("device.pair.reject", { requestId })).toMatchObject({ requestId, deviceId: device.id });
    expect(home.emitted.at(-1)).toMatchObject({ name: "device.pair.resolved", payload: { decision: "rejected" } });
    expect((await requestOf(device.connect(home, secretOf(home), elsewhere))).requestId).not.toBe(requestId);
  });

  test("are approved only by somebody who holds what they ask for", async () => {
    const home = await open();
    const device = new TestDevice();
    await admitted(device.connect(home, { ...secretOf(home), scopes: ["operator.pairing"] }));
    const { requestId } = await requestOf(device.connect(home, { ...secretOf(home), scopes: ["operator.admin"] }));
    const itself = { scopes: ["operator.pairing"], deviceId: device.id } as const;
    await expect(home.call("device.pair.approve", { requestId }, itself)).rejects.toMatchObject({
      ...{ code: "MISSING_SCOPE", wire: "FORBIDDEN", message: "missing scope: operator.admin" },
      data: { missingScope: "operator.admin", requiredScopes: ["operator.admin"] },
    });
    expect((await home.access.audit.page())[0]).toMatchObject({ outcome: "refused", principal: device.id, action: "device.pair.approve" });
    await home.call("device.pair.approve", { requestId }, { scopes: ["operator.pairing", "operator.admin"] });
    expect(await codeOf(device.connect(home, { ...secretOf(home), scopes: ["operator.admin"] }))).toBe("admitted");
  });
});

test("devices that approved themselves on loopback are bounded, those that somebody approved are kept", async () => {
  const home = await open({ devices: { maxSilentDevices: 2 } });
  const chosen = new TestDevice();
  const { requestId } = await requestOf(chosen.connect(home, secretOf(home), elsewhere));
  await approve(home, requestId);
  const silent = Array.from({ length: 4 }, () => new TestDevice());
  for (const device of silent) {
    home.clock.jump(1);
    await admitted(device.connect(home, secretOf(home)));
  }
  const { paired } = await home.call<{ paired: { deviceId: string }[] }>("device.pair.list");
  expect(paired.map(({ deviceId }) => deviceId).sort()).toEqual([chosen.id, silent[2]?.id, silent[3]?.id].sort() as string[]);
});
