import { expect, test } from "bun:test";
import { createManualClock } from "../testing/clock.ts";
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
  expect(watch.ended).toBe("timeout");
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
