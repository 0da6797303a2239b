import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { linkSignals } from "./signal.ts";

test("it aborts with the first of its sources, and with that one's reason", () => {
  const [one, two] = [new AbortController(), new AbortController()];
  const linked = linkSignals(one.signal, two.signal);
  two.abort("second");
  one.abort("first");
  expect(linked.signal.reason).toBe("second");
});

test("it aborts at once behind a source that has, and by itself", () => {
  expect(linkSignals(new AbortController().signal, AbortSignal.abort("before")).signal.reason).toBe("before");
  const linked = linkSignals(new AbortController().signal);
  linked.abort("own");
  expect(linked.signal.reason).toBe("own");
});

test("once let go of, a source no longer reaches it", () => {
  const source = new AbortController();
  const linked = linkSignals(source.signal);
  linked[Symbol.dispose]();
  source.abort();
  expect(linked.signal.aborted).toBe(false);
});

test("#91588 nothing is kept of signals that were listened to and let go of", () => {
  const source = new AbortController();
  const signals = () => {
    Bun.gc(true);
    return heapStats().objectTypeCounts["AbortSignal"] ?? 0;
  };
  const before = signals();
  for (let count = 0; count < 1_000; count++) {
    using linked = linkSignals(source.signal);
    linked.signal.addEventListener("abort", () => linked.signal);
  }
  expect(signals() - before).toBeLessThan(50);
});
