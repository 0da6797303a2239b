import { afterEach, describe, expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import {
  type AccessHome,
  admitted,
  approve,
  clients,
  codeOf,
  connectBare,
  doorAt,
  elsewhere,
  ownPage,
  refused,
  requestOf,
  secretOf,
  TestDevice,
  useHomes,
} from "../../tests/support/access-home.ts";
import { createLockout } from "./lockout.ts";

const { open } = useHomes(afterEach);
const wrong = { auth: { token: "wrong" } };
const outside = (n: number) => ({ ...elsewhere, address: `203.0.113.${n}` });
const fail = async (times: number, attempt: () => Promise<string>) => {
  const codes: string[] = [];
  for (let n = 0; n < times; n++) codes.push(await attempt());
  return codes;
};
const guess = (home: AccessHome, door: Parameters<typeof connectBare>[2]) => () => codeOf(connectBare(home, wrong, door));

describe("ten wrong credentials within a minute", () => {
  test("shut the door to their address for five minutes, the right one included, and say for how long", async () => {
    const home = await open();
    const door = outside(1);
    const probe = { ...secretOf(home), client: clients.probe };
    expect(new Set(await fail(10, guess(home, door)))).toEqual(new Set(["AUTH_TOKEN_MISMATCH"]));
    await home.clock.advance(1_000);
    const { error, closeCode } = await refused(connectBare(home, probe, door));
    expect(error).toMatchObject({
      ...{ code: "AUTH_RATE_LIMITED", wire: "INVALID_REQUEST", retryable: true, retryAfterMs: 299_000 },
      data: { authReason: "rate_limited", recommendedNextStep: "wait_then_retry", canRetryWithDeviceToken: false },
    });
    expect(closeCode).toBe(1008);
    expect(await codeOf(connectBare(home, probe, outside(2)))).toBe("admitted");
    await home.clock.advance(298_999);
    expect(await codeOf(connectBare(home, probe, door))).toBe("AUTH_RATE_LIMITED");
    await home.clock.advance(1);
    expect(await codeOf(connectBare(home, probe, door))).toBe("admitted");
    await home.access.audit.append({ principal: "shared", action: "health", resources: [], outcome: "ok" });
    const lockouts = (await home.access.audit.page()).filter(({ action }) => action === "access.lockout");
    expect(lockouts).toMatchObject([{ resources: ["203.0.113.1"], outcome: "refused" }]);
  });

  test("count when they come all at once", async () => {
    const home = await open();
    const device = new TestDevice();
    const codes = await Promise.all(Array.from({ length: 30 }, () => codeOf(device.connect(home, wrong, outside(1)))));
    expect(codes.filter((code) => code === "AUTH_TOKEN_MISMATCH").length).toBe(10);
  });

  test("are forgotten when they are spread over a longer time", async () => {
    const home = await open();
    for (let round = 0; round < 5; round++) {
      expect(await fail(9, guess(home, outside(1)))).not.toContain("AUTH_RATE_LIMITED");
      await home.clock.advance(60_000);
    }
  });

  test("are counted by real time, whatever the operator does to the clock", async () => {
    const home = await open();
    await fail(10, guess(home, outside(1)));
    home.clock.jump(86_400_000);
    expect(await guess(home, outside(1))()).toBe("AUTH_RATE_LIMITED");
  });

  test("do not include a connect without a credential, or one that asked for too much", async () => {
    const home = await open();
    const device = new TestDevice();
    const { deviceToken } = await admitted(device.connect(home, secretOf(home)));
    const attempts = [
      () => codeOf(device.connect(home, {}, outside(1))),
      () => codeOf(device.connect(home, { auth: { deviceToken }, scopes: ["operator.admin"] }, outside(1))),
      () => codeOf(device.connect(home, { auth: { token: deviceToken } }, outside(1))),
      () => codeOf(new TestDevice().connect(home, secretOf(home), outside(1))),
    ];
    for (const attempt of attempts) expect(await fail(12, attempt)).not.toContain("AUTH_RATE_LIMITED");
  });

  test("are counted for bootstrap tokens, device tokens, signatures and HTTP too", async () => {
    const home = await open();
    const device = new TestDevice();
    const http = (authorization: string) => ({ ...outside(4), headers: { authorization } });
    const attempts = [
      () => codeOf(device.connect(home, { auth: { bootstrapToken: "wrong" } }, outside(1))),
      () => codeOf(new TestDevice().connect(home, { auth: { token: "x", deviceToken: "x" } }, outside(2))),
      () => codeOf(device.connect(home, { ...secretOf(home), version: "v1" }, outside(3))),
    ];
    for (const attempt of attempts) expect((await fail(11, attempt)).at(-1)).toBe("AUTH_RATE_LIMITED");
    const door = { remoteAddress: "203.0.113.4", directLoopback: false, headers: http("Bearer wrong").headers };
    for (let n = 0; n < 10; n++) expect(await home.access.request(door)).toEqual({ ok: false, status: 401 });
    expect(await home.access.request(door)).toEqual({ ok: false, status: 429, retryAfterMs: 300_000 });
  });

  test("lock a device out wherever it comes from, but a stranger who merely names it locks out nobody", async () => {
    const home = await open();
    const device = new TestDevice();
    const { requestId } = await requestOf(device.connect(home, secretOf(home), outside(1)));
    await approve(home, requestId);
    const stranger = new TestDevice();
    await fail(12, () =>
      codeOf(stranger.connect(home, { ...secretOf(home), forge: { id: device.id, publicKey: device.publicKey } }, outside(2))),
    );
    expect(await codeOf(device.connect(home, secretOf(home), outside(3)))).toBe("admitted");
    for (let n = 10; n < 20; n++) await codeOf(device.connect(home, wrong, outside(n)));
    expect(await codeOf(device.connect(home, secretOf(home), outside(3)))).toBe("AUTH_RATE_LIMITED");
  });

  test("are counted by network for IPv6, since one subscriber has all of it, and by client behind a trusted proxy", async () => {
    const home = await open({ trustedProxies: ["10.0.0.1"] });
    for (let n = 0; n < 10; n++) await guess(home, { address: `2001:db8::1:${n}` })();
    expect(await guess(home, { address: "2001:db8:0:0:ffff::" })()).toBe("AUTH_RATE_LIMITED");
    expect(await guess(home, { address: "2001:db8:0:1::1" })()).toBe("AUTH_TOKEN_MISMATCH");

    const behind = (client: string) => ({ address: "10.0.0.1", headers: { "x-forwarded-for": client } });
    await fail(10, guess(home, behind("198.51.100.1")));
    expect(await guess(home, behind("198.51.100.1"))()).toBe("AUTH_RATE_LIMITED");
    expect(await guess(home, behind("198.51.100.1, 198.51.100.2"))()).toBe("AUTH_TOKEN_MISMATCH");
  });
});

describe("on this machine", () => {
  test("one page that keeps coming with an old token shuts the door to itself alone", async () => {
    const home = await open();
    const page = new TestDevice();
    const stale = () => codeOf(page.connect(home, { ...wrong, client: clients.page }, ownPage));
    for (let minute = 0; minute < 30; minute++) {
      await fail(30, stale);
      expect(await stale()).toBe("AUTH_RATE_LIMITED");
      expect(await codeOf(connectBare(home, secretOf(home)))).toBe("admitted");
      expect(await codeOf(new TestDevice().connect(home, { ...secretOf(home), client: clients.page }, ownPage))).toBe("admitted");
      await home.clock.advance(60_000);
    }
  });

  test("somebody who guesses signatures in the name of a device shuts it out of nothing, and is stopped like everybody else", async () => {
    const home = await open();
    const device = new TestDevice();
    await admitted(device.connect(home, secretOf(home)));
    const stranger = new TestDevice();
    const guessed = () =>
      codeOf(stranger.connect(home, { ...secretOf(home), version: "v1", forge: { id: device.id, publicKey: device.publicKey } }));
    expect(new Set(await fail(12, guessed))).toEqual(new Set(["DEVICE_AUTH_SIGNATURE_INVALID"]));
    expect(await codeOf(device.connect(home, secretOf(home)))).toBe("admitted");
    const codes = await fail(200, guessed);
    expect(codes.indexOf("AUTH_RATE_LIMITED")).toBe(200 - 12);
    await home.clock.advance(10_000);
    expect(await codeOf(device.connect(home, secretOf(home)))).toBe("admitted");
  });

  test("somebody who changes his name at every guess is stopped too, for ten seconds at a time", async () => {
    const home = await open();
    const codes: string[] = [];
    for (let n = 0; n < 201; n++) codes.push(await codeOf(new TestDevice().connect(home, wrong)));
    expect(codes.indexOf("AUTH_RATE_LIMITED")).toBe(200);
    const device = () => codeOf(new TestDevice().connect(home, secretOf(home)));
    expect(await device()).toBe("AUTH_RATE_LIMITED");
    await home.clock.advance(10_000);
    expect(await device()).toBe("admitted");
  });

  test("a program that guesses in the name of the owner's own tools locks them out only where their secret could be guessed", async () => {
    for (const [settings, secret, code, status] of [
      [{}, undefined, "admitted", undefined],
      [{ auth: { mode: "password", password: "open sesame" } }, { password: "open sesame" }, "AUTH_RATE_LIMITED", 429],
    ] as const) {
      const home = await open(settings);
      const right = secret ? { auth: secret } : secretOf(home);
      await fail(12, () => codeOf(connectBare(home, wrong)));
      expect(await codeOf(connectBare(home, wrong))).toBe("AUTH_RATE_LIMITED");
      expect(await codeOf(connectBare(home, right))).toBe(code);
      const door = (bearer: string) => doorAt({ headers: { authorization: `Bearer ${bearer}` } });
      for (let n = 0; n < 12; n++) await home.access.request(door("wrong"));
      expect(await home.access.request(door("wrong"))).toMatchObject({ status: 429 });
      const asked = await home.access.request(door(Object.values(right.auth)[0]!));
      expect(asked.ok ? undefined : asked.status).toBe(status);
    }
  });
});

test("what is remembered of those who guess has a bound", () => {
  const clock = createManualClock();
  const lockout = createLockout(clock, () => ({
    ...{ attempts: 2, windowMs: 1_000, lockMs: 5_000, loopbackFactor: 1, loopbackLockMs: 1, maxTracked: 100 },
  }));
  const suspect = (n: number) => [{ key: String(n), attempts: 2, lockMs: 5_000 }];
  const fail = (n: number) => lockout.begin(suspect(n))(false);
  for (let n = 0; n < 10_000; n++) fail(n);
  expect(fail(9_901)).toEqual(suspect(9_901));
  expect(fail(9_899)).toEqual([]);
  expect(lockout.shutMs(suspect(9_901))).toBe(5_000);
  expect(lockout.shutMs(suspect(1))).toBe(0);
});
