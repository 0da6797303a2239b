import { expect, test } from "bun:test";
import type { WireClient } from "@pincer/plugin-sdk/testing/client";
import { type Random, randomOf } from "../../tests/fuzz/random.ts";
import { startBus } from "../../tests/support/bus.ts";
import { frameOf, openRawSocket } from "../../tests/support/raw-socket.ts";

const leaves = [
  null,
  true,
  0,
  -1,
  1e308,
  2 ** 53,
  "",
  "x",
  "\u0000",
  "\ud800",
  "💥",
  "__proto__",
  "constructor",
  "../..",
  "x".repeat(3_000),
];
const words = [
  "type",
  "id",
  "method",
  "params",
  "req",
  "res",
  "event",
  "connect",
  "health",
  "status",
  "toString",
  "__proto__",
  "auth",
  "token",
];

function value(random: Random, depth = 0): unknown {
  const kind = random.below(depth > 4 ? 1 : 4);
  if (kind < 2) return random.pick(leaves);
  if (kind === 2) return Array.from({ length: random.below(4) }, () => value(random, depth + 1));
  return Object.fromEntries(Array.from({ length: random.below(5) }, () => [random.pick(words), value(random, depth + 1)]));
}

/** A request that is wrong in one or several ways, or by chance right. */
function text(random: Random, sound: Record<string, unknown>): string {
  switch (random.below(6)) {
    case 0:
      return JSON.stringify(value(random)) ?? "";
    case 1:
      return JSON.stringify({ ...sound, [random.pick(words)]: value(random) });
    case 2:
      return JSON.stringify({ ...sound, params: value(random) });
    case 3: {
      const whole = JSON.stringify(sound);
      return whole.slice(0, random.below(whole.length + 1));
    }
    case 4: {
      const bytes = Buffer.from(JSON.stringify(sound));
      for (let n = random.below(4) + 1; n > 0; n--) bytes[random.below(bytes.length)] = random.below(256);
      return bytes.toString();
    }
    default:
      return `${"[".repeat(random.below(5_000))}${random.pick(words)}`;
  }
}

const seed = Number(process.env["PINCER_FUZZ_SEED"] ?? 20_261_120);
const frames = Number(process.env["PINCER_FUZZ_FRAMES"] ?? 3_000);

/** Asks a question that has one right answer. */
const undisturbed = async (good: WireClient) => expect(await good.call<unknown[]>("exec.approval.list")).toEqual([]);

test(`${frames} malformed frames after hello (seed ${seed}) break nothing, and a good client beside them is undisturbed`, async () => {
  const random = randomOf(seed);
  await using host = await startBus({ settings: { wrongRoleCalls: frames } });
  const good = await host.connect();
  const bad = await host.connect({ scopes: ["operator.read"] });
  const methods = host.bus.methods();
  for (let n = 1; n <= frames; n++) {
    bad.sendRaw(text(random, { type: "req", id: `f${n}`, method: random.pick(methods), params: {} }));
    if (n % 250 === 0) await undisturbed(good);
  }
  expect(await bad.call("health")).toMatchObject({ ok: true });
  expect(host.log.filter(({ level }) => level === "error")).toEqual([]);
  for (const frame of bad.frames) if (frame.type === "res" && !frame.ok) expect(frame.error?.details).toHaveProperty("code");
});

test(`malformed first frames (seed ${seed}) are turned away, each by itself`, async () => {
  const random = randomOf(seed + 1);
  await using host = await startBus();
  const good = await host.connect();
  const client = { id: "cli", version: "1", platform: "linux", mode: "cli" };
  for (let n = 0; n < frames / 20; n++) {
    const params = { minProtocol: 4, maxProtocol: 4, client, auth: { token: "guess" }, [random.pick(words)]: value(random) };
    const socket = host.open();
    await socket.event("connect.challenge");
    socket.sendRaw(text(random, { type: "req", id: "c", method: "connect", params }));
    const { code } = await socket.closed;
    expect([1000, 1002, 1008, 1009]).toContain(code);
    if (n % 25 === 0) await undisturbed(good);
  }
  await undisturbed(good);
  expect(host.bus.connections()).toHaveLength(1);
  expect(host.log.filter(({ level }) => level === "error")).toEqual([]);
});

test(`broken WebSocket frames (seed ${seed}) end their own socket at most`, async () => {
  const random = randomOf(seed + 2);
  await using host = await startBus({ settings: { handshakes: 1_000 } });
  const good = await host.connect();
  for (let n = 0; n < frames / 30; n++) {
    const socket = await openRawSocket(host.url);
    const frame = frameOf(Buffer.from(text(random, { type: "req", id: "1", method: "connect" })), {
      opcode: random.below(16),
      final: random.below(2) === 0,
    });
    for (let flips = random.below(3); flips > 0; flips--) frame[random.below(Math.min(8, frame.length))] = random.below(256);
    socket.write(frame.subarray(0, random.below(frame.length + 1)));
    if (n % 10 === 0) await undisturbed(good);
    socket.destroy();
    await socket.closed;
  }
  await undisturbed(good);
  expect(host.log.filter(({ level }) => level === "error")).toEqual([]);
});
