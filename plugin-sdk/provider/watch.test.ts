import { expect, test } from "bun:test";
import { createManualClock } from "../testing/clock.ts";
import { readText } from "./body.ts";
import { watchRequest } from "./watch.ts";

const body = (text: string) => new Response(text);

test("silence ends the request after the set time, and every byte begins it anew", async () => {
  const clock = createManualClock();
  const pushed = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>();
  const source = new ReadableStream<Uint8Array>({ start: (controller) => pushed.resolve(controller) });
  using watch = watchRequest({ clock, idleMs: 100, signal: new AbortController().signal, fetch: async () => new Response(source) });
  const reader = (await watch.fetch("http://x")).body!.getReader();
  for (let round = 0; round < 3; round++) {
    await clock.advance(90);
    (await pushed.promise).enqueue(new Uint8Array([round]));
    expect((await reader.read()).value).toEqual(new Uint8Array([round]));
    expect(watch.ended).toBeUndefined();
  }
  await clock.advance(101);
  expect(watch.ended).toBe("silent");
  expect(watch.signal.aborted).toBe(true);
});

test("the caller's abort is told apart from silence, and comes first", async () => {
  const clock = createManualClock();
  const caller = new AbortController();
  using watch = watchRequest({ clock, idleMs: 100, signal: caller.signal, fetch: async () => body("x") });
  caller.abort();
  await clock.advance(1000);
  expect(watch.ended).toBe("aborted");
});

test("nothing is left behind, and what was read is whole", async () => {
  const clock = createManualClock();
  {
    using watch = watchRequest({ clock, idleMs: 100, signal: new AbortController().signal, fetch: async () => body("Grüße") });
    const response = await watch.fetch("http://x");
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("Grüße");
    expect(clock.timers).toBe(1);
  }
  expect(clock.timers).toBe(0);
  using gone = watchRequest({ clock, idleMs: 100, signal: AbortSignal.abort(), fetch: async () => body("x") });
  expect([gone.ended, clock.timers]).toEqual(["aborted", 0]);
});

test("a server that drips is given up when its time is over, however alive it is", async () => {
  const clock = createManualClock();
  const source = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>();
  const dripping = new ReadableStream<Uint8Array>({ start: source.resolve });
  const signal = new AbortController().signal;
  using watch = watchRequest({ clock, idleMs: 100, longestMs: 250, signal, fetch: async () => new Response(dripping) });
  const reader = (await watch.fetch("http://x")).body!.getReader();
  for (let round = 0; round < 3; round++) {
    await clock.advance(80);
    (await source.promise).enqueue(new Uint8Array([round]));
    await reader.read();
    expect([clock.timers, watch.ended]).toEqual([1, undefined]);
  }
  await clock.advance(80);
  expect([watch.ended, watch.signal.aborted]).toEqual(["late", true]);
});

test("an answer that has too much is not read to its end, whoever reads it", async () => {
  let sent = 0;
  const endless = () =>
    new Response(
      new ReadableStream<Uint8Array>({
        pull(out) {
          sent++;
          out.enqueue(new Uint8Array(1000));
        },
      }),
    );
  const options = {
    clock: createManualClock(),
    idleMs: 100,
    mostBytes: 10_000,
    signal: new AbortController().signal,
    fetch: async () => endless(),
  };
  {
    using watch = watchRequest(options);
    await expect((await watch.fetch("http://x")).text()).rejects.toThrow("more than 10000 bytes came");
    expect([watch.ended, sent < 20]).toEqual(["oversized", true]);
  }
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: endless });
  using watch = watchRequest({ ...options, fetch });
  await expect(readText(await watch.send(server.url), watch.seen)).rejects.toThrow("more than 10000 bytes came");
  expect(watch.ended).toBe("oversized");
});
