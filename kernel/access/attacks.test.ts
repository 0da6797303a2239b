/** What somebody tries who knows how the doorkeeper works. */
import { afterEach, describe, expect, test } from "bun:test";
import {
  type AccessHome,
  admitted,
  clients,
  codeOf,
  doorAt,
  elsewhere,
  ownPage,
  requestOf,
  secretOf,
  TestDevice,
  useHomes,
} from "../../tests/support/access-home.ts";

const { open } = useHomes(afterEach);
interface Paired {
  readonly deviceId: string;
  readonly tokens: readonly { readonly scopes: readonly string[] }[];
}
const pairedIn = async (home: AccessHome) => (await home.call<{ paired: Paired[] }>("device.pair.list")).paired;

test("guesses at the password that come at once are counted, also those that say to be device and bootstrap tokens as well", async () => {
  const home = await open({ auth: { mode: "password", password: "open sesame" } });
  // Before the plugin is loaded who comes first waits longest, and might be judged last.
  await codeOf(new TestDevice().connect(home, { auth: { password: "open sesame" } }));
  const guesses = Array.from({ length: 40 }, (_, n) => {
    const guess = n === 39 ? "open sesame" : `guess ${n}`;
    return codeOf(new TestDevice().connect(home, { auth: { password: guess, deviceToken: guess, bootstrapToken: "x" } }, elsewhere));
  });
  const codes = await Promise.all(guesses);
  expect(codes.filter((code) => code === "AUTH_BOOTSTRAP_TOKEN_INVALID")).toHaveLength(10);
  expect(codes.at(-1)).toBe("AUTH_RATE_LIMITED");
  expect(await codeOf(new TestDevice().connect(home, { auth: { password: "open sesame" } }, elsewhere))).toBe("AUTH_RATE_LIMITED");
});

test("a device that comes with its own token is not locked out by nine guesses of others at its address", async () => {
  const home = await open();
  const device = new TestDevice();
  const { deviceToken } = await admitted(device.connect(home, secretOf(home)));
  for (let n = 0; n < 9; n++) await codeOf(new TestDevice().connect(home, { auth: { token: "wrong" } }, elsewhere));
  for (let n = 0; n < 5; n++) {
    expect(await codeOf(device.connect(home, { auth: { deviceToken } }, elsewhere))).toBe("admitted");
    const headers = { authorization: `Bearer ${deviceToken}` };
    expect(await home.access.request(doorAt({ ...elsewhere, headers }))).toMatchObject({ ok: true });
  }
});

describe("at once", () => {
  test("approved and rejected, a request has one answer, and the device does what it says", async () => {
    const home = await open();
    for (const first of ["approve", "reject"] as const) {
      const device = new TestDevice();
      const { requestId } = await requestOf(device.connect(home, secretOf(home), elsewhere));
      const told = home.emitted.length;
      const answers = first === "approve" ? ["approve", "reject"] : ["reject", "approve"];
      const settled = await Promise.allSettled(answers.map((answer) => home.call(`device.pair.${answer}`, { requestId })));
      expect(settled.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      expect(home.emitted.slice(told)).toHaveLength(1);
      const isIn = (await codeOf(device.connect(home, secretOf(home), elsewhere))) === "admitted";
      expect(home.emitted[told]?.payload).toMatchObject({ decision: isIn ? "approved" : "rejected" });
    }
  });

  test("twice as the same stranger, the second gets no scope that nobody approved", async () => {
    const home = await open();
    const device = new TestDevice();
    const scopes = [["operator.read"], ["operator.read", "operator.admin"]] as const;
    const codes = await Promise.all(scopes.map((asked) => codeOf(device.connect(home, { ...secretOf(home), scopes: asked }))));
    expect(codes).toEqual(["admitted", "PAIRING_REQUIRED"]);
    expect((await pairedIn(home)).map(({ tokens }) => tokens.map((token) => token.scopes))).toEqual([[["operator.read"]]]);
  });

  test("narrowed and renewed, a token's scopes stay narrow", async () => {
    const home = await open();
    const device = new TestDevice();
    await admitted(device.connect(home, { ...secretOf(home), scopes: ["operator.read", "operator.write"] }));
    const renewal = { deviceId: device.id, role: "operator" };
    // The second asks for what the device had when it was asked, and has no longer: it narrows nothing, or is refused.
    await Promise.allSettled([
      home.call("device.token.rotate", { ...renewal, scopes: ["operator.read"] }),
      home.call("device.token.rotate", { ...renewal, scopes: ["operator.read", "operator.write"] }),
    ]);
    expect((await pairedIn(home))[0]?.tokens[0]?.scopes).toEqual(["operator.read"]);
  });

  test("let in and removed, a device has no connection that outlives its removal", async () => {
    const home = await open();
    for (let round = 0; round < 10; round++) {
      const device = new TestDevice();
      if (round % 2) await admitted(device.connect(home, secretOf(home)));
      const order: string[] = [];
      const come = device.connect(home, secretOf(home)).then(({ ok }) => ok && order.push("in"));
      for (let step = 0; step < round; step++) await Promise.resolve();
      const before = home.revoked.length;
      const end = home.call("device.pair.remove", { deviceId: device.id }).then(
        () => order.push("removed"),
        () => undefined,
      );
      await Promise.all([come, end]);
      const isPaired = (await pairedIn(home)).some(({ deviceId }) => deviceId === device.id);
      if (home.revoked.length > before && !isPaired) expect(order.indexOf("in")).toBeLessThan(order.indexOf("removed"));
    }
  });
});

test("a revocation closes the connections, also when the audit log cannot be kept", async () => {
  const home = await open();
  const device = new TestDevice();
  const { deviceToken } = await admitted(device.connect(home, secretOf(home)));
  await home.access.audit.settled();
  await home.store.write(["create trigger full before insert on access_audit begin select raise(abort, 'disk full'); end"]);
  const { id: deviceId } = device;
  const revocation = home.call("device.token.revoke", { deviceId, role: "operator" });
  await expect(revocation).rejects.toMatchObject({ code: "STORE_FAILED" });
  expect(home.revoked).toEqual([{ deviceId, role: "operator", reason: "auth rotated" }]);
  expect(await codeOf(device.connect(home, { auth: { deviceToken } }))).toBe("AUTH_DEVICE_TOKEN_MISMATCH");
  await expect(home.call("device.pair.remove", { deviceId })).rejects.toMatchObject({ code: "STORE_FAILED" });
  expect(home.revoked.at(-1)).toEqual({ deviceId, reason: "device removed" });
});

test("a login link that was used is good for ten seconds more, for the browser that used it", async () => {
  const home = await open();
  const bootstrapToken = await home.invite();
  const page = { client: clients.page, scopes: ["operator.read"], auth: { bootstrapToken } };
  const browser = new TestDevice();
  const first = await admitted(browser.connect(home, page, ownPage));
  home.clock.jump(9_999);
  expect(await admitted(browser.connect(home, page, ownPage))).toMatchObject({ deviceToken: first.deviceToken });
  expect(await codeOf(new TestDevice().connect(home, page, ownPage))).toBe("AUTH_BOOTSTRAP_TOKEN_INVALID");
  home.clock.jump(1);
  expect(await codeOf(browser.connect(home, page, ownPage))).toBe("AUTH_BOOTSTRAP_TOKEN_INVALID");

  const late = await home.invite();
  home.clock.jump(home.devices.bootstrapTtlMs - 1);
  expect(await codeOf(browser.connect(home, { ...page, auth: { bootstrapToken: late } }, ownPage))).toBe("admitted");
  home.clock.jump(1);
  expect(await codeOf(browser.connect(home, { ...page, auth: { bootstrapToken: late } }, ownPage))).toBe("AUTH_BOOTSTRAP_TOKEN_INVALID");
});

test("a device that is removed or whose token is revoked does not come back by the link that it came by", async () => {
  const home = await open();
  const ends = [
    (deviceId: string) => home.call("device.pair.remove", { deviceId }),
    (deviceId: string) => home.call("device.token.revoke", { deviceId, role: "operator" }),
  ];
  for (const end of ends) {
    const auth = { bootstrapToken: await home.invite("full") };
    const device = new TestDevice();
    expect(await codeOf(device.connect(home, { auth }, elsewhere))).toBe("admitted");
    await end(device.id);
    expect(await codeOf(device.connect(home, { auth }, elsewhere))).toBe("AUTH_BOOTSTRAP_TOKEN_INVALID");
  }
});

test("in auth mode none, a page of another port of this machine cannot act, one from an allowed origin can", async () => {
  const home = await open({ auth: { mode: "none" }, allowedOrigins: ["https://chat.example"] });
  const from = async (headers: Readonly<Record<string, string>>) => (await home.access.request(doorAt({ headers }))).ok;
  expect(await from({ "sec-fetch-site": "same-site" })).toBe(false);
  expect(await from({ "sec-fetch-site": "cross-site" })).toBe(false);
  for (const site of ["same-origin", "none"]) expect(await from({ "sec-fetch-site": site })).toBe(true);
  expect(await from({ origin: "https://chat.example", "sec-fetch-site": "cross-site" })).toBe(true);
  expect(await from({ origin: "http://localhost:3000", "sec-fetch-site": "same-site" })).toBe(false);
});
