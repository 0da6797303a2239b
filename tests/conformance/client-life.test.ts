/** The published client (`@openclaw/gateway-client`) from its first connect to the loss of its token. */
import { expect } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatewayClient } from "@openclaw/gateway-client";
import type { EventFrame, HelloOk } from "@openclaw/gateway-protocol";
import { says } from "@pincer/plugin-sdk/testing/script";
import { createClientDevice } from "../support/client-device.ts";
import { type House, MAIN, type Payload, withHouses } from "./house.ts";
import { createRecorder } from "./recorder.ts";
import { startTap, type Tap } from "./tap.ts";

type Options = NonNullable<ConstructorParameters<typeof GatewayClient>[0]>;

/** A list that one can wait on. */
function inbox<T>() {
  const items: T[] = [];
  const watchers = new Set<() => void>();
  return {
    items,
    push(item: T): void {
      items.push(item);
      for (const watcher of [...watchers]) watcher();
    },
    first(matches: (item: T) => boolean, from = 0): Promise<T> {
      return new Promise((resolve) => {
        const watcher = () => {
          const there = items.slice(from).find(matches);
          if (there === undefined) return;
          watchers.delete(watcher);
          resolve(there);
        };
        watchers.add(watcher);
        watcher();
      });
    },
  };
}

function start(url: string, options: Options) {
  const hellos = inbox<HelloOk>();
  const events = inbox<EventFrame>();
  const gaps = inbox<{ expected: number; received: number }>();
  const closes = inbox<{ code: number; reason: string }>();
  const errors = inbox<Error>();
  const paused = inbox<{ detailCode: string | null }>();
  const client = new GatewayClient({
    url,
    clientName: "openclaw-tui",
    mode: "ui",
    role: "operator",
    scopes: ["operator.read", "operator.write", "operator.admin"],
    caps: ["tool-events"],
    onHelloOk: hellos.push,
    onEvent: events.push,
    onGap: gaps.push,
    onConnectError: errors.push,
    onReconnectPaused: paused.push,
    onClose: (code, reason) => closes.push({ code, reason }),
    ...options,
  });
  client.start();
  return { client, hellos, events, gaps, closes, errors, paused, [Symbol.asyncDispose]: () => client.stopAndWait() };
}
type Started = ReturnType<typeof start>;

const payloadOf = ({ payload }: EventFrame) => (payload ?? {}) as Payload;
const chatEnd = (on: Started, runId: string) =>
  on.events
    .first(
      (frame) =>
        frame.event === "chat" &&
        payloadOf(frame)["runId"] === runId &&
        ["final", "aborted", "error"].includes(String(payloadOf(frame)["state"])),
    )
    .then(payloadOf);
const say = async (on: Started, message: string) =>
  (await on.client.request<{ runId: string }>("chat.send", { sessionKey: MAIN, message, idempotencyKey: crypto.randomUUID() })).runId;
const history = async (on: Started) => (await on.client.request<{ messages: Payload[] }>("chat.history", { sessionKey: MAIN })).messages;

async function connected(house: House, tap: Tap, options: Options = {}) {
  const on = start(tap.url, { token: house.gateway.token, ...options });
  const hello = await on.hellos.first(() => true);
  return Object.assign(on, { hello });
}

withHouses((startHouse, test) => {
  test("it pairs, comes back with its own token, talks, and stops what it asked for", async () => {
    await using house = await startHouse();
    await using tap = startTap(house.gateway.url, house.recorder);
    const own = createClientDevice();
    {
      await using on = await connected(house, tap, own.options);
      expect(on.hello).toMatchObject({ type: "hello-ok", protocol: 4, auth: { role: "operator", method: "token" } });
      expect(own.kept.token).toBeDefined();
      expect(own.kept.token).toBe(on.hello.auth.deviceToken);
    }
    await using on = start(tap.url, own.options);
    const hello = await on.hellos.first(() => true);
    expect(hello.auth).toMatchObject({
      method: "device-token",
      deviceToken: own.kept.token,
      scopes: expect.arrayContaining(["operator.read"]),
    });

    await on.client.request("sessions.subscribe", {});
    house.script.answer(says("Hello", " you."));
    const runId = await say(on, "hello");
    expect(await chatEnd(on, runId)).toMatchObject({ state: "final", message: { content: [{ text: "Hello you." }] } });
    expect((await history(on)).map(({ role }) => role)).toEqual(["user", "assistant"]);

    house.script.answer(async function* (_request, signal) {
      yield { text: "I will" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    const long = await say(on, "tell me everything");
    await on.events.first((frame) => payloadOf(frame)["runId"] === long && payloadOf(frame)["state"] === "delta");
    expect(await on.client.request<Payload>("chat.abort", { sessionKey: MAIN, runId: long })).toMatchObject({
      aborted: true,
      runIds: [long],
    });
    expect(await chatEnd(on, long)).toMatchObject({ state: "aborted", stopReason: "rpc" });

    const accepted: unknown[] = [];
    const params = { message: "once more", idempotencyKey: "from-the-client" };
    const result = await on.client.request<Payload>("agent", params, {
      expectFinal: true,
      onAccepted: (payload) => void accepted.push(payload),
    });
    expect(result).toMatchObject({ runId: "from-the-client", status: "ok", result: { payloads: [{ text: "You said: once more" }] } });
    expect(accepted).toMatchObject([{ status: "accepted", runId: "from-the-client" }]);
    expect(await on.client.request<Payload>("agent", params, { expectFinal: true })).toEqual(result);
    expect(on.gaps.items).toEqual([]);
    expect(house.recorder.problems).toEqual([]);
  });

  test("it notices a frame that did not arrive, and reloads what it missed", async () => {
    await using house = await startHouse();
    await using tap = startTap(house.gateway.url, house.recorder);
    await using on = await connected(house, tap, createClientDevice().options);
    await on.client.request("sessions.messages.subscribe", { key: MAIN });
    const first = await say(on, "one");
    await chatEnd(on, first);
    await house.settled(first);
    const { deltaCursor } = await on.client.request<{ deltaCursor: string }>("chat.history", { sessionKey: MAIN });

    const lost = tap.lose(
      ({ event, payload }) => event === "session.message" && ((payload as Payload)["message"] as Payload)["role"] === "assistant",
    );
    const second = await say(on, "two");
    await house.settled(second);
    const { seq } = await lost;
    const gap = await on.gaps.first(() => true);
    expect(gap).toEqual({ expected: Number(seq), received: Number(seq) + 1 });
    const missed = await on.client.request<Payload>("chat.history", { sessionKey: MAIN, cursor: deltaCursor });
    expect(missed).toMatchObject({ kind: "delta", messages: [{ role: "user", content: "two" }, { role: "assistant" }] });
    const shown = on.events.items
      .filter(({ event }) => event === "session.message")
      .map((frame) => (payloadOf(frame)["message"] as Payload)["role"]);
    expect(shown).toEqual(["user", "assistant", "user"]);
  });

  test("a restart is told beforehand, and it comes back by itself to the conversation that it left", async () => {
    const home = await mkdtemp(join(tmpdir(), "pincer-life-"));
    const recorder = createRecorder();
    const before = await startHouse({ home, recorder });
    await using tap = startTap(before.gateway.url, recorder);
    await using on = await connected(before, tap, createClientDevice().options);
    const runId = await say(on, "before");
    await chatEnd(on, runId);
    await before.settled(runId);
    await before[Symbol.asyncDispose]();
    expect(await on.closes.first(() => true)).toEqual({ code: 1012, reason: "service restart" });
    expect(on.events.items.findLast(({ event }) => event === "shutdown")).toMatchObject({ payload: { reason: "the test is over" } });

    await using after = await startHouse({ home, recorder });
    tap.target = after.gateway.url;
    const hello = await on.hellos.first(() => true, 1);
    expect(hello.server.bootId).not.toBe(on.hello.server.bootId);
    expect((await history(on)).map(({ content }) => content)).toMatchObject(["before", [{ text: "You said: before" }]]);
    const again = await say(on, "after");
    expect(await chatEnd(on, again)).toMatchObject({ state: "final" });
    expect(recorder.problems).toEqual([]);
    await rm(home, { recursive: true });
  });

  test("when its token is revoked its socket closes with 4001, and without another secret it stops and forgets the token", async () => {
    await using house = await startHouse();
    await using tap = startTap(house.gateway.url, house.recorder);
    const own = createClientDevice();
    await (await connected(house, tap, own.options)).client.stopAndWait();
    await using on = start(tap.url, own.options);
    await on.hellos.first(() => true);
    await house.client.call("device.token.revoke", { deviceId: own.deviceId, role: "operator" });
    expect(await on.closes.first(() => true)).toEqual({ code: 4001, reason: "auth rotated" });
    expect(await on.errors.first(() => true)).toMatchObject({ details: { code: "AUTH_DEVICE_TOKEN_MISMATCH" } });
    expect(await on.paused.first(() => true)).toMatchObject({ detailCode: "AUTH_DEVICE_TOKEN_MISMATCH" });
    await own.cleared;
    expect(house.recorder.problems).toEqual([]);
  });

  test("a device that was removed is closed with 4001 too", async () => {
    await using house = await startHouse();
    await using tap = startTap(house.gateway.url, house.recorder);
    const own = createClientDevice();
    await using on = await connected(house, tap, own.options);
    await house.client.call("device.pair.remove", { deviceId: own.deviceId });
    expect(await on.closes.first(() => true)).toEqual({ code: 4001, reason: "device removed" });
  });

  test("a device from elsewhere is turned away until somebody approves it", async () => {
    await using house = await startHouse();
    const own = createClientDevice();
    await using tap = startTap(house.gateway.url, { ...house.recorder, headers: { "x-forwarded-for": "203.0.113.7" } });
    const remote: Options = { ...own.options, token: house.gateway.token };
    await using asking = start(tap.url, remote);
    const refused = (await asking.errors.first(() => true)) as Error & { details: Payload };
    const { requestId } = refused.details;
    expect(requestId).toEqual(expect.any(String));
    expect(refused).toMatchObject({ details: { code: "PAIRING_REQUIRED", reason: "not-paired", deviceId: own.deviceId } });
    expect(await house.client.event("device.pair.requested")).toMatchObject({ deviceId: own.deviceId, requestId });
    await asking.client.stopAndWait();
    await house.client.call("device.pair.approve", { requestId });
    expect(await house.client.event("device.pair.resolved")).toMatchObject({ deviceId: own.deviceId, decision: "approved" });
    await using on = start(tap.url, remote);
    expect((await on.hellos.first(() => true)).auth.deviceToken).toBe(own.kept.token!);
    expect(house.recorder.problems).toEqual([]);
  });
});
