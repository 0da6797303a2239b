import { expect, test } from "bun:test";
import { isGatewayError } from "../error.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { createManualClock } from "../testing/clock.ts";
import { quiet, thrown } from "../testing/peers.ts";
import { Peer } from "./peer.ts";

async function* hang() {
  yield await new Promise(() => undefined);
  return undefined;
}

test("what no honest peer sends is refused, whatever it is about", async () => {
  const coded = { code: "X", wire: "UNAVAILABLE", message: "m", retryable: false };
  const refused: readonly (readonly [string, number, number, unknown])[] = [
    ["no such kind", 0, 1, undefined],
    ["no such kind", 99, 1, undefined],
    ["a call without a target", 1, 50, []],
    ["a call that is no list", 1, 50, { 0: "target" }],
    ["a call of nothing", 1, 50, undefined],
    ["a target that is no text", 1, 50, [7, {}]],
    ["more than parameters", 1, 50, ["target", {}, {}]],
    ["a stream without credit", 2, 50, ["target"]],
    ["a stream of no credit", 2, 50, ["target", 0]],
    ["a stream of half a credit", 2, 50, ["target", 0.5]],
    ["a stream of endless credit", 2, 50, ["target", 2 ** 40]],
    ["an id that is in use", 1, 20, ["target"]],
    ["an id that was in use", 1, 3, ["target"]],
    ["the id of a ping that was in use", 3, 20, undefined],
    ["an id that is none", 1, 0, ["target"]],
    ["an answer to nothing", 4, 1_000, "x"],
    ["an answer to what is no id", 4, 0, "x"],
    ["an item of a call", 5, 1, "x"],
    ["a pong for a call", 9, 1, undefined],
    ["a result of a ping", 4, 3, undefined],
    ["an error that is none", 6, 1, { code: "X" }],
    ["an error with a code of no wire", 6, 1, { ...coded, wire: "constructor" }],
    ["an error whose data is a list", 6, 1, { ...coded, data: [] }],
    ["an error that may be retried before now", 6, 1, { ...coded, retryAfterMs: -1 }],
    ["an error that is none, late", 6, 4, "x"],
    ["a fault without a stack", 7, 1, { name: "Error", message: "m" }],
    ["an abort's answer that nobody asked for", 8, 1, undefined],
    ["credit for a call", 10, 19, 1],
    ["credit of nothing", 10, 20, undefined],
    ["credit of less than nothing", 10, 20, -1],
    ["credit of half a one", 10, 20, 1.5],
    ["credit that overflows", 10, 20, 2 ** 31],
    ["credit for nobody", 10, 1_000, 1],
    ["an abort of nothing", 11, 1_000, undefined],
    ["an abort for no reason", 11, 20, "because"],
    ["a call that is left", 12, 19, undefined],
  ];
  for (const [what, kind, id, value] of refused) {
    const clock = createManualClock();
    const served = { call: () => new Promise(() => undefined), stream: hang };
    const peer = new Peer({ clock, served, abortMs: 1_000, tellsFaults: true });
    peer.connect({ send: () => 0, isFull: false, close: () => undefined });
    // Of this side a call (1), a stream (2), a ping (3) and a call that was given up (4); of the other a call (19) and a stream (20).
    const waiting = [thrown(peer.call("call", {}, quiet)), thrown(peer.stream("stream", {}, quiet).next()), thrown(peer.ping())];
    const stop = new AbortController();
    const stalled = thrown(peer.call("stalled", {}, { signal: stop.signal }));
    stop.abort();
    await clock.advance(1_000);
    await stalled;
    peer.receive(1, 19, ["call"]);
    peer.receive(2, 20, ["stream", 5]);
    let code: unknown = "nothing";
    try {
      peer.receive(kind, id, value);
    } catch (error) {
      code = isGatewayError(error) ? error.code : error;
    }
    expect(`${what}: ${code}`).toBe(`${what}: PLUGIN_PROTOCOL`);
    const gone = pluginErrors.PLUGIN_GONE();
    peer.end(gone);
    expect(await Promise.all(waiting)).toEqual([gone, gone, gone]);
  }
});
