/**
 * What holds for a connection, whatever it carries: counted frames, state versions, bad frames, slow readers, the end. What depends on the time
 * runs with all plugins in the gateway's process alone: those in processes of their own have the time of the machine.
 */
import { expect, test } from "bun:test";
import type { WireClient } from "@pincer/plugin-sdk/testing/client";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { says } from "@pincer/plugin-sdk/testing/script";
import type { ServerFrame } from "@pincer/plugin-sdk/wire/frames";
import { openRawSocket } from "../support/raw-socket.ts";
import { type Payload, startHouse, withHouses } from "./house.ts";

const seqs = ({ frames }: WireClient) => frames.flatMap(({ seq }) => seq ?? []);

withHouses((start, test) => {
  test("broadcast events are counted from 1 on for each connection, without a gap; what is sent to one connection is not", async () => {
    await using house = await start();
    const { client } = house;
    await house.settled(await house.say("before the other one came"));
    const late = await house.connect();
    await late.call("sessions.subscribe", {});
    const last = await house.say("hello");
    await house.settled(last);
    await house.settled(last, late);
    await Promise.all([client.call("health", {}), late.call("health", {})]);
    for (const each of [client, late]) expect(seqs(each)).toEqual(Array.from({ length: seqs(each).length }, (_, index) => index + 1));
    expect(seqs(client).length).toBeGreaterThan(seqs(late).length);
    const uncounted = client.frames.filter(({ type, seq }) => type === "event" && seq === undefined).map(({ event }) => event);
    // Behind the hello, to this connection alone.
    expect(uncounted).toEqual(["connect.challenge", "presence", "health"]);
    expect(house.recorder.problems).toEqual([]);
  });

  test("bad frames after the hello are answered or passed over, and the connection lives", async () => {
    await using house = await start();
    const { client } = house;
    const invalid = (from: number) => client.until(({ type, ok }) => type === "res" && ok === false, from);
    const bad: [frame: unknown, id: string][] = [
      [{ type: "req", method: "health" }, "invalid"],
      [{ type: "req", id: "a", method: "health", extra: 1 }, "a"],
      [{ type: "shout", id: "b" }, "b"],
      [[], "invalid"],
      [{ type: "req", id: "c", method: "connect", params: {} }, "c"],
    ];
    for (const [frame, id] of bad) {
      const from = client.frames.length;
      client.sendRaw(JSON.stringify(frame));
      expect([frame, await invalid(from)]).toMatchObject([frame, { id, ok: false, error: { code: "INVALID_REQUEST" } }]);
    }
    const before = client.frames.length;
    client.sendRaw("no JSON at all");
    await client.call("health", {});
    expect(client.frames.slice(before).filter(({ type }) => type === "res")).toHaveLength(1);
  });

  test("who does not read is closed as a slow consumer, and everybody else has the whole answer", async () => {
    await using house = await start({ config: { gateway: { bufferedBytes: 4_000_000, dropBytes: 1_000_000 } } });
    const slow = await openRawSocket(house.gateway.url);
    const client = { id: "cli", version: "1", platform: "linux", mode: "cli" };
    const params = { minProtocol: 4, maxProtocol: 4, client, scopes: ["operator.read"], auth: { token: house.gateway.token } };
    slow.send(JSON.stringify({ type: "req", id: "1", method: "connect", params }));
    await slow.until((bytes) => bytes.includes("hello-ok"));
    slow.pause();
    const piece = "x".repeat(200_000);
    for (let turns = 0; turns < 40 && house.gateway.gateway.bus.connections().length > 1; turns++) {
      house.script.answer(says(piece, piece));
      const runId = await house.say("talk");
      const final = await house.settled(runId);
      expect(final).toMatchObject({ state: "final" });
    }
    expect(house.gateway.gateway.bus.connections()).toHaveLength(1);
    const noted = await house.client.call<{ events: Payload[] }>("diagnostics.stability", { type: "bus.slow-consumer" });
    expect(noted.events).toHaveLength(1);
    expect(seqs(house.client)).toEqual(seqs(house.client).map((_seq, index) => index + 1));
    slow.destroy();
  });

  test("a gateway that stops says so, and closes every socket with 1012", async () => {
    await using house = await start();
    await house.gateway.gateway.stop("upgrade", { restartExpectedMs: 500 });
    expect(await house.client.closed).toEqual({ code: 1012, reason: "service restart" });
    expect(house.client.eventsOf("shutdown")).toEqual([{ reason: "upgrade", restartExpectedMs: 500 }]);
    expect(house.recorder.problems).toEqual([]);
  });
});

test("presence and health say which state they belong to, and it only grows", async () => {
  const clock = createManualClock();
  await using house = await startHouse({ clock });
  const before = house.client.hello["snapshot"] as { stateVersion: { presence: number; health: number } };
  await house.pair();
  const came = house.client.event("presence", ({ presence }) => (presence as Payload[]).some(({ mode }) => mode === "ui"));
  await clock.advance(1_000);
  await came;
  await clock.advance(60_000);
  await house.client.until(({ event, seq }) => event === "health" && seq !== undefined);
  const versions = house.client.frames.flatMap(
    (frame) => (frame as ServerFrame & { stateVersion?: { presence: number; health: number } }).stateVersion ?? [],
  );
  expect(versions.length).toBeGreaterThan(3);
  let last = before.stateVersion;
  for (const version of versions) {
    expect(version.presence).toBeGreaterThanOrEqual(last.presence);
    expect(version.health).toBeGreaterThanOrEqual(last.health);
    last = version;
  }
  expect(last.presence).toBeGreaterThan(before.stateVersion.presence);
  expect(last.health).toBeGreaterThan(before.stateVersion.health);
});

test("a sign of life comes every 30 seconds, as the hello says", async () => {
  const clock = createManualClock();
  await using house = await startHouse({ clock });
  const { tickIntervalMs } = house.client.hello["policy"] as { tickIntervalMs: number };
  expect(tickIntervalMs).toBe(30_000);
  for (let n = 1; n <= 3; n++) {
    await clock.advance(tickIntervalMs);
    await house.client.until(() => house.client.eventsOf("tick").length === n);
  }
  expect(house.recorder.problems).toEqual([]);
});
