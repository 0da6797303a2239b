import { describe, expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { type DeviceAnswer, startSignInServer } from "../../tests/failover/sign-in-server.ts";
import { error, keyOf, says, startFailover } from "../../tests/failover/vendor.ts";
import { askDeviceCode, awaitDevice, refreshToken } from "./oauth.ts";

const HOUR = 3_600_000;
const oauth = (url: string) => ({ lab: { deviceUrl: `${url}/device`, tokenUrl: `${url}/token`, clientId: "pincer-test" } });
const start = (url: string, more: Parameters<typeof startFailover>[0] = {}) =>
  startFailover({ ...more, failover: { ...more?.failover, oauth: oauth(url) } });

/** Signs in as `lab:me`, whose first token is `token-1`. */
async function signIn(lab: Awaited<ReturnType<typeof startFailover>>, server: ReturnType<typeof startSignInServer>) {
  const timers = lab.clock.timers;
  const started = await lab.call("failover.signIn.start", { name: "lab:me", priority: 3 });
  const waiting = lab.call("failover.signIn.wait", { id: started["id"] });
  await lab.clock.armed(timers + 1);
  server.answer("approved");
  await lab.clock.advance(5_000);
  return { started, ...(await waiting) };
}

test("somebody signs in with a code, and the token that comes is what requests are made with", async () => {
  using server = startSignInServer();
  await using lab = await start(server.url);
  expect(await signIn(lab, server)).toMatchObject({
    started: { userCode: "ABCD-EFGH", verificationUri: "http://127.0.0.1/device" },
    profile: { name: "lab:me", type: "oauth", priority: 3, expiresAt: lab.clock.now() + HOUR },
  });
  lab.vendor.answer(says("hello"));
  expect((await lab.say()).text).toBe("hello");
  expect(lab.keys()).toEqual(["token-1"]);
  expect(server.asked).toEqual(["device", "device_code"]);
});

describe("until the code was entered", () => {
  const settings = (url: string) => ({ deviceUrl: `${url}/device`, tokenUrl: `${url}/token`, clientId: "pincer-test", scopes: [] });
  /** A clock on which every wait is over at once, and is written down. */
  const hurried = () => {
    const waits: number[] = [];
    let now = 0;
    const sleep = async (ms: number) => {
      waits.push(ms);
      now += ms;
    };
    return { waits, clock: { ...createManualClock(), now: () => now, sleep } };
  };
  const wait = async (...answers: readonly DeviceAnswer[]) => {
    using server = startSignInServer();
    const { waits, clock } = hurried();
    const ctx = { clock, fetch, secret: async () => undefined };
    const { signal } = new AbortController();
    const code = await askDeviceCode(ctx, settings(server.url), signal);
    server.answer(...answers);
    const token = await awaitDevice(ctx, settings(server.url), code, signal).catch((error: Error) => error.message);
    return { token, waits };
  };

  test("a server's pace is kept within a second and a minute, and its code for an hour at most", async () => {
    const code = async (device: object) => {
      using server = startSignInServer({ device });
      const ctx = { clock: createManualClock(0), fetch, secret: async () => undefined };
      const { intervalMs, expiresAt } = await askDeviceCode(ctx, settings(server.url), new AbortController().signal);
      return [intervalMs, expiresAt];
    };
    expect(await code({ interval: 0.001, expires_in: 1e12 })).toEqual([1_000, 3_600_000]);
    expect(await code({ interval: 1e10, expires_in: 60 })).toEqual([60_000, 60_000]);
  });

  test("it is asked again at the pace that the server says", async () => {
    const { token, waits } = await wait("authorization_pending", "slow_down", "authorization_pending", "approved");
    expect(token).toMatchObject({ value: "token-1", refreshToken: "refresh-1" });
    expect(waits).toEqual([5_000, 5_000, 10_000, 10_000]);
  });

  test("a connection that breaks meanwhile does not end it", async () => {
    using server = startSignInServer();
    const { waits, clock } = hurried();
    let left = 2;
    const shaky = async (input: string | URL | Request, init?: RequestInit) => {
      if (String(input).endsWith("/token") && left-- > 0) throw Object.assign(new Error("reset"), { code: "ECONNRESET" });
      return fetch(input, init);
    };
    const ctx = { clock, fetch: shaky, secret: async () => undefined };
    const { signal } = new AbortController();
    server.answer("approved");
    const code = await askDeviceCode(ctx, settings(server.url), signal);
    expect(await awaitDevice(ctx, settings(server.url), code, signal)).toMatchObject({ value: "token-1" });
    expect(waits).toEqual([5_000, 5_000, 5_000]);
  });

  test("what the server was asked with is in no word of its refusal", async () => {
    const echo = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) =>
        Response.json({ error: "invalid_grant", error_description: `unknown: ${await request.text()}` }, { status: 400 }),
    });
    const ctx = { clock: createManualClock(0), fetch, secret: async () => undefined };
    const told = { ...settings(`http://127.0.0.1:${echo.port}`), clientSecret: "the-client's+secret" };
    const { message } = (await refreshToken(ctx, told, "refresh/me again", new AbortController().signal)) as { readonly message: string };
    await echo.stop(true);
    expect(message).toContain("unknown: client_id=");
    expect(message).not.toMatch(/secret\b(?!=)|refresh%2F|me\+again/);
  });

  test("a refusal ends it, and so does the end of the code", async () => {
    expect((await wait("access_denied")).token).toBe("the sign-in was refused: access_denied");
    expect((await wait(...Array.from({ length: 200 }, () => "authorization_pending" as const))).token).toBe(
      "the code has expired; begin again",
    );
  });
});

test("a token is refreshed before its end behind the turn's back, and after it once for all who wait", async () => {
  using server = startSignInServer();
  await using lab = await start(server.url);
  await signIn(lab, server);
  lab.vendor.otherwise(() => says("ok"));
  lab.clock.jump(HOUR - 200_000);
  await lab.say();
  expect(lab.keys()).toEqual(["token-1"]);
  await lab.logged("failover.refreshed");
  lab.clock.jump(2 * HOUR);
  const asked = server.asked.length;
  const answers = await Promise.all(Array.from({ length: 100 }, () => lab.say()));
  expect(answers.every(({ text }) => text === "ok")).toBe(true);
  expect(new Set(lab.keys().slice(1))).toEqual(new Set(["token-3"]));
  expect(server.asked.slice(asked)).toEqual(["refresh_token"]);
});

test("a token that cannot be refreshed any more turns the profile off, and says what to do; the next one answers", async () => {
  using server = startSignInServer();
  await using lab = await start(server.url, { profiles: { key: "key-a" } });
  await signIn(lab, server);
  await lab.call("failover.order.set", { provider: "lab", profiles: ["lab:me"] });
  lab.clock.jump(2 * HOUR);
  server.refuse(400, "invalid_grant");
  lab.vendor.otherwise(() => says("ok"));
  expect((await lab.say()).text).toBe("ok");
  expect(lab.keys()).toEqual(["key-a"]);
  expect(await lab.profile("me")).toMatchObject({
    state: "failed",
    reason: { class: "auth", message: "its token cannot be refreshed: invalid_grant; sign in again: pincer models auth login lab:me" },
  });
  const { providers } = await lab.call("models.authStatus");
  const status = (providers as readonly { provider: string }[]).find(({ provider }) => provider === "lab");
  expect(status).toMatchObject({ status: "static", profiles: [{ profileId: "lab:me", type: "oauth", status: "missing" }, {}] });
});

test("a vendor that does not take the token is gone around at once, and a new token makes the profile active again", async () => {
  using server = startSignInServer();
  await using lab = await start(server.url, { profiles: { key: "key-a" } });
  await signIn(lab, server);
  await lab.call("failover.order.set", { provider: "lab", profiles: ["lab:me"] });
  lab.vendor.otherwise((call) => (keyOf(call) === "token-1" ? error(401) : says("ok")));
  const gate = Promise.withResolvers<void>();
  server.hold(gate.promise);
  await lab.say();
  expect(await lab.profile("me")).toMatchObject({ state: "failed" });
  gate.resolve();
  await lab.logged("failover.refreshed");
  await lab.say();
  expect(lab.keys()).toEqual(["token-1", "key-a", "token-2"]);
});

test("a token without a way to refresh it ends when it ends", async () => {
  await using lab = await startFailover({ profiles: { key: "key-b" } });
  const expiresAt = lab.clock.now() + HOUR;
  await lab.call("failover.profiles.add", { name: "lab:a-token", type: "token", value: "token-x", expiresAt });
  lab.vendor.otherwise(() => says("ok"));
  await lab.say();
  lab.clock.jump(HOUR);
  await lab.say();
  expect(lab.keys()).toEqual(["token-x", "key-b"]);
  expect(await lab.profile("a-token")).toMatchObject({
    state: "failed",
    reason: { message: expect.stringContaining("it ended 2026-11-20") },
  });
});

test("without settings nobody can sign in, and the error says which are missing", async () => {
  await using lab = await startFailover();
  expect(lab.call("failover.signIn.start", { name: "lab:me" })).rejects.toThrow("failover.oauth.lab does not say where to sign in");
});
