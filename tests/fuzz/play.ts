/** Does a round of moves to a gateway, and tells what hung. */
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { helloFor } from "../bench/raw-load.ts";
import { type Move, tokenMark } from "./moves.ts";
import type { Target } from "./target.ts";
import { openWire, type Wire } from "./wire.ts";

/** Longer than anything takes on a machine that is busy. */
const patienceMs = 60_000;

class Hang extends Error {}

/** Rejects with a `Hang` when what is waited for has not come in time. */
export async function inTime<T>(what: string, wait: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = systemClock.after(patienceMs, () => late.reject(new Hang(`${what} took longer than ${patienceMs} ms`)));
  try {
    return await Promise.race([wait, late.promise]);
  } finally {
    timer[Symbol.dispose]();
  }
}

let fences = 0;

async function fence(wire: Wire): Promise<void> {
  const id = `fence-${++fences}`;
  const answer = wire.heard(`"id":"${id}"`);
  wire.text(JSON.stringify({ type: "req", id, method: "last-heartbeat" }));
  await inTime("the answer to a sound request behind a damaged one", answer);
}

async function open(target: Target, move: Extract<Move, { do: "open" }>): Promise<Wire> {
  const wire = await openWire(target.url, move.kind);
  if (move.hello === undefined) return wire;
  const hello = wire.heard('"id":"c"');
  wire.text(helloFor(target.token, move.hello));
  const answer = await inTime("the hello", hello);
  if (answer?.includes('"ok":true') !== true) throw new Error(`a sound connect was refused: ${answer}`);
  return wire;
}

/** Sockets that are left open at the end are ended, each in its way. */
export async function play(target: Target, admin: Admin, moves: readonly Move[]): Promise<void> {
  const wires = new Map<number, Wire>();
  for (const move of moves) {
    if (move.do === "configure") {
      await inTime(`${move.method}`, admin(move.method, move.raw));
      await target.restore();
      continue;
    }
    if (move.do === "open") {
      wires.set(move.socket, await inTime("a connection", open(target, move)));
      continue;
    }
    const wire = wires.get(move.socket);
    if (wire?.isOpen !== true) continue;
    if (move.do === "text") wire.text(move.text.replaceAll(tokenMark, target.token));
    else if (move.do === "bytes") wire.bytes(Buffer.from(move.bytes.replaceAll(tokenMark, target.token), "latin1"));
    else if (move.do === "fence") await fence(wire);
    else wire.end(move.how);
  }
  for (const wire of wires.values()) if (wire.isOpen) wire.end("close");
}

/** Writes a configuration; whatever is answered is an answer. */
export type Admin = (method: string, raw: string) => Promise<unknown>;
