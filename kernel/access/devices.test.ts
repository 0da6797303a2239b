/** What a plugin may assert of its caller, and what it may not. */
import { afterEach, describe, expect, test } from "bun:test";
import type { Caller } from "@pincer/plugin-sdk/contracts/devices";
import type { WireScope } from "@pincer/plugin-sdk/method";
import { admitted, elsewhere, requestOf, secretOf, TestDevice, useHomes } from "../../tests/support/access-home.ts";

const { open } = useHomes(afterEach);
const io = { signal: new AbortController().signal };
const admin: Caller = { principal: "shared", scopes: ["operator.admin"], connection: "c9" };
const pairing: readonly WireScope[] = ["operator.pairing"];

describe("a plugin that says that an admin calls", () => {
  test("reaches no further than its own permissions", async () => {
    const home = await open();
    const device = new TestDevice();
    await admitted(device.connect(home, { ...secretOf(home), scopes: ["operator.read"] }));
    const { requestId } = await requestOf(device.connect(home, { ...secretOf(home), scopes: ["operator.admin"] }));
    const weak = home.access.devices(() => pairing);
    await expect(weak.approve({ requestId, caller: admin }, io)).rejects.toMatchObject({
      ...{ code: "MISSING_SCOPE", data: { missingScope: "operator.admin" } },
    });
    expect((await home.access.audit.page())[0]).toMatchObject({ action: "device.pair.approve", outcome: "refused" });
    const chief = new TestDevice();
    await admitted(chief.connect(home, { ...secretOf(home), scopes: ["operator.admin"] }));
    home.connected.add(chief.id);
    const itself = { ...admin, principal: chief.id, connection: `of ${chief.id}` };
    const ofChief = { deviceId: chief.id, role: "operator", tell: true, caller: itself };
    await expect(weak.renewToken(ofChief, io)).rejects.toMatchObject({ code: "MISSING_SCOPE" });
    await expect(weak.remove({ deviceId: chief.id, caller: itself }, io)).rejects.toMatchObject({ code: "MISSING_SCOPE" });
    const issue = home.access.bootstrap(() => pairing).issue({ role: "operator", scopes: ["operator.admin"], caller: admin }, io);
    await expect(issue).rejects.toMatchObject({ code: "MISSING_SCOPE" });
    expect(await home.access.devices(() => ["operator.admin"]).renewToken(ofChief, io)).toHaveProperty("token");
  });

  test("is not told a token when the device has no such connection", async () => {
    const home = await open();
    const device = new TestDevice();
    await admitted(device.connect(home, secretOf(home)));
    const strong = home.access.devices(() => ["operator.admin"]);
    const caller = { ...admin, principal: device.id, connection: `of ${device.id}` };
    const renewal = { deviceId: device.id, role: "operator", tell: true, caller };
    expect(await strong.renewToken(renewal, io)).not.toHaveProperty("token");
    home.connected.add(device.id);
    expect(await strong.renewToken(renewal, io)).toHaveProperty("token");
  });
});

test("whoever may not pair changes nothing, whatever a plugin lets through", async () => {
  const home = await open();
  const device = new TestDevice();
  await admitted(device.connect(home, secretOf(home)));
  const { requestId } = await requestOf(new TestDevice().connect(home, secretOf(home), elsewhere));
  const { deviceId, caller } = { deviceId: device.id, caller: { ...admin, scopes: ["operator.write", "operator.future"] } };
  const all = home.access.devices(() => ["operator.admin"]);
  const tries = [
    () => all.approve({ requestId, caller }, io),
    () => all.reject({ requestId, caller }, io),
    () => all.remove({ deviceId, caller }, io),
    () => all.rename({ deviceId, label: "mine", caller }, io),
    () => all.renewToken({ deviceId, role: "operator", caller }, io),
    () => home.access.bootstrap(() => ["operator.admin"]).issue({ role: "node", scopes: [], caller }, io),
  ];
  for (const attempt of tries) await expect(attempt()).rejects.toMatchObject({ code: "MISSING_SCOPE", wire: "FORBIDDEN" });
  expect(await all.list({}, io)).toMatchObject({ pending: [{ requestId }], paired: [{ deviceId }] });
});
