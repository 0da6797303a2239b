/** What each kind of round does, made from a seed alone. */
import { ConnectParams } from "@pincer/plugin-sdk/wire/connect";
import { frameOf } from "../support/raw-socket.ts";
import type { WatchedMethod } from "../support/watched-gateway.ts";
import { type Move, tokenMark } from "./moves.ts";
import { flipped, mangled, mutated } from "./mutation.ts";
import { type Random, randomOf } from "./random.ts";
import { hostileText, type Shape, soundValue } from "./values.ts";

const kinds = ["frames", "connects", "sockets", "http", "configurations"] as const;
export type Kind = (typeof kinds)[number];

const scopeSets = [
  ["operator.read"],
  ["operator.read", "operator.write"],
  ["operator.read", "operator.write", "operator.admin", "operator.approvals", "operator.pairing"],
];

/** These change the gateway itself; rounds of their own call them and take back what they did. */
const setApart = new Set(["config.set", "config.apply", "config.patch", "plugins.setEnabled"]);
/** Each of these makes something that stays, or takes long: they come in less often, so that the others are called. */
const rare = /^(agents\.(create|delete|update)|secrets\.rotate|sessions\.create|chat\.send|agent|sessions\.(send|steer))$/;

const byRarity = (methods: readonly WatchedMethod[]) => {
  const all = methods.filter(({ name }) => !setApart.has(name));
  return { ordinary: all.filter(({ name }) => !rare.test(name)), rare: all.filter(({ name }) => rare.test(name)) };
};

/** The bytes of a frame, whole or in pieces, with what may stand between them. */
function frameBytes(text: string, random: Random): Buffer {
  const payload = random.chance(0.3) ? flipped(text, random) : Buffer.from(text);
  if (random.chance(0.5)) return frameOf(payload, { opcode: random.pick([1, 1, 2]) });
  const cut = random.below(payload.length + 1);
  const between = random.chance(0.3) ? [frameOf(Buffer.from("ping"), { opcode: random.pick([9, 10]) })] : [];
  return Buffer.concat([
    frameOf(payload.subarray(0, cut), { opcode: 1, final: false }),
    ...between,
    frameOf(payload.subarray(cut), { opcode: 0 }),
  ]);
}

function frames(random: Random, methods: readonly WatchedMethod[]): Move[] {
  const kinds = byRarity(methods);
  const moves: Move[] = [];
  for (let socket = 0; socket < 2; socket++) {
    moves.push({ do: "open", socket, kind: "ws", hello: random.pick(scopeSets) });
    for (let n = 0; n < 250; n++) {
      const { name, params } = random.pick(random.chance(0.02) ? kinds.rare : kinds.ordinary);
      const sound = { type: "req", id: `f${n}`, method: name, params: soundValue(params as Shape, random) };
      const kind = random.below(20);
      const text = kind < 4 ? JSON.stringify(sound) : mutated(sound, random);
      if (kind < 18) moves.push({ do: "text", socket, text });
      else if (kind === 18) moves.push({ do: "text", socket, text: mangled(text, random) });
      else moves.push({ do: "bytes", socket, bytes: frameOf(Buffer.from(text), { opcode: random.pick([1, 2]) }).toString("latin1") });
    }
    moves.push({ do: "fence", socket });
    // Last, since a server may close the socket over it.
    const { name, params } = random.pick(kinds.ordinary);
    const last = JSON.stringify({ type: "req", id: "last", method: name, params: soundValue(params as Shape, random) });
    moves.push({ do: "bytes", socket, bytes: frameBytes(last, random).toString("latin1") });
    moves.push({ do: "end", socket, how: random.pick(["close", "close", "reset"]) });
  }
  return moves;
}

const connectShape = JSON.parse(JSON.stringify(ConnectParams)) as Shape;

function connects(random: Random): Move[] {
  const moves: Move[] = [];
  for (let socket = 0; socket < 20; socket++) {
    moves.push({ do: "open", socket, kind: "ws" });
    const params = soundValue(connectShape, random) as Record<string, unknown>;
    const sound = { ...params, minProtocol: random.pick([3, 4]), maxProtocol: 4, auth: { token: random.pick([tokenMark, "wrong", ""]) } };
    const frame = { type: "req", id: "c", method: random.chance(0.95) ? "connect" : "health", params: sound };
    const text = random.chance(0.2) ? JSON.stringify(frame) : mutated(frame, random);
    const times = random.chance(0.1) ? random.below(20) + 1 : 1;
    for (let n = 0; n < times; n++) moves.push({ do: "text", socket, text: random.chance(0.1) ? mangled(text, random) : text });
    if (random.chance(0.7)) moves.push({ do: "end", socket, how: random.pick(["close", "reset", "half"]) });
  }
  return moves;
}

/** WebSocket frames that are wrong as frames. */
function sockets(random: Random): Move[] {
  const moves: Move[] = [];
  for (let socket = 0; socket < 20; socket++) {
    moves.push({ do: "open", socket, kind: "ws", ...(random.chance(0.5) ? { hello: random.pick(scopeSets) } : {}) });
    for (let n = random.below(6) + 1; n > 0; n--) {
      const text = JSON.stringify({ type: "req", id: `s${n}`, method: random.pick(["health", "connect", "status"]), params: {} });
      const bytes = random.chance(0.5)
        ? frameBytes(random.chance(0.3) ? hostileText(random) : text, random)
        : frameOf(Buffer.from(text), { opcode: random.below(16), final: random.chance(0.7) });
      if (random.chance(0.4))
        for (let flips = random.below(3) + 1; flips > 0; flips--) bytes[random.below(Math.min(14, bytes.length))] = random.below(256);
      // Cut short now and then: the rest never comes, or the next frame stands where it should.
      moves.push({
        do: "bytes",
        socket,
        bytes: bytes.subarray(0, random.chance(0.2) ? random.below(bytes.length) : bytes.length).toString("latin1"),
      });
    }
    if (random.chance(0.6)) moves.push({ do: "end", socket, how: random.pick(["close", "reset", "half"]) });
  }
  return moves;
}

const verbs = ["GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "TRACE", "PRI", "get", "G\u0000T", "A".repeat(300)];
const paths = [
  "/",
  "/health",
  "/readyz",
  "*",
  "//",
  "/%00",
  "/..%2f..%2fetc/passwd",
  "http://elsewhere/",
  "/\u00ff",
  `/${"a".repeat(9_000)}`,
  "",
  "/#",
  "/?a=%zz",
];
const headers = [
  "Host: 127.0.0.1",
  "Host: evil.example",
  "Host: a\r\nHost: b",
  "Content-Length: 5",
  "Content-Length: -1",
  "Content-Length: 99999999999999999999",
  "Content-Length: 5\r\nContent-Length: 6",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: chunked\r\nContent-Length: 5",
  "Connection: Upgrade\r\nUpgrade: websocket",
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x",
  "Connection: Upgrade\r\nUpgrade: h2c",
  "Expect: 100-continue",
  "Authorization: Bearer TOKEN",
  "Authorization: Bearer",
  "Origin: null",
  "X-Forwarded-For: 1.2.3.4",
  "Cookie: a=\u0000",
  `X-Long: ${"y".repeat(20_000)}`,
  ": no name",
  "no colon",
];

function http(random: Random): Move[] {
  const moves: Move[] = [];
  for (let socket = 0; socket < 20; socket++) {
    moves.push({ do: "open", socket, kind: "tcp" });
    for (let n = random.below(3) + 1; n > 0; n--) {
      const lines = [
        `${random.pick(verbs)} ${random.pick(paths)} HTTP/${random.pick(["1.1", "1.1", "1.1", "1.0", "0.9", "2", "x"])}`,
        ...Array.from({ length: random.below(5) }, () => random.pick(headers)),
      ];
      const end = random.pick(["\r\n\r\n", "\r\n\r\n", "\r\n\r\n", "\n\n", "\r\n", ""]);
      const body = random.pick(["", "hello", "5\r\nhello\r\n0\r\n\r\n", "ffffffffffffffff\r\n", "0\r\n", hostileText(random)]);
      const bytes = random.chance(0.2) ? flipped(lines.join("\r\n") + end + body, random) : Buffer.from(lines.join("\r\n") + end + body);
      moves.push({ do: "bytes", socket, bytes: bytes.toString("latin1") });
    }
    if (random.chance(0.5)) moves.push({ do: "end", socket, how: random.pick(["close", "reset", "half"]) });
  }
  return moves;
}

/** A configuration with something in every section. */
const configuration = {
  gateway: {
    port: 0,
    bind: "loopback",
    tickMs: 30_000,
    requests: 256,
    auth: { mode: "token", token: "other" },
    log: { level: "info" },
    lanes: {},
    sessions: {},
  },
  models: { default: "demo/offline" },
  agents: { default: "main", list: [{ id: "main", name: "Main" }, { id: "fuzz" }] },
  plugins: { agent: { enabled: true, config: { deltaMs: 10 } }, "provider-demo": { config: {} }, webchat: { enabled: true } },
  channels: {},
  capabilities: { llm: "models" },
};

function configurations(random: Random): Move[] {
  return Array.from({ length: 5 }, (): Move => {
    const text = random.chance(0.1) ? hostileText(random) : mutated(configuration, random);
    const raw = random.chance(0.3) ? mangled(text, random) : text;
    return { do: "configure", method: random.pick(["config.set", "config.apply", "config.patch"]), raw };
  });
}

export function makeRound(kind: Kind, seed: number, methods: readonly WatchedMethod[]): readonly Move[] {
  const random = randomOf(seed);
  if (kind === "frames") return frames(random, methods);
  if (kind === "connects") return connects(random);
  if (kind === "sockets") return sockets(random);
  return kind === "http" ? http(random) : configurations(random);
}

/** Frames, connects, requests and configurations that a round tries. */
export const triedIn = (moves: readonly Move[]): number =>
  moves.filter(({ do: what }) => what === "text" || what === "bytes" || what === "configure").length;
