import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { Bytes, call, defineContract, type ImplementationOf, optional, stream } from "../contract.ts";
import { defineErrors, errorMessage } from "../error.ts";
import { conformance } from "./conformance.ts";
import { loopback } from "./loopback.ts";

const sampleErrors = defineErrors({ SAMPLE_BUSY: { message: "busy", wire: "UNAVAILABLE", retryable: true } });
const sample = defineContract({
  id: "sample",
  version: 1,
  arity: "one",
  members: {
    echo: call(
      Type.Object({ text: Type.String(), bytes: Type.Optional(Bytes()) }),
      Type.Object({ text: Type.String(), bytes: Type.Optional(Bytes()) }),
    ),
    fail: call(Type.Object({ how: Type.String() }), Type.Object({})),
    wait: call(Type.Object({}), Type.Object({ stopped: Type.Boolean() })),
    count: stream(Type.Object({ until: Type.Integer() }), Type.Object({ n: Type.Integer() }), Type.Object({ counted: Type.Integer() })),
    extra: optional(call(Type.Object({}), Type.Object({}))),
    absent: optional(call(Type.Object({}), Type.Object({}))),
    nothing: call(Type.Object({}), Type.Undefined()),
    follow: stream(Type.Object({ how: Type.String() }), Type.String(), Type.String()),
  },
});

const seen = { made: 0, left: 0, aborted: false };
const make = (): ImplementationOf<typeof sample> => ({
  echo: async (params) => params,
  fail: async ({ how }) => {
    if (how === "coded") throw sampleErrors.SAMPLE_BUSY("very busy", { retryAfterMs: 5, data: { queue: 3 } });
    if (how === "wrongly") return { unexpected: 1 } as never;
    if (how === "full") throw Object.assign(new Error("no space left on device, write"), { code: "ENOSPC", path: "/disk/file" });
    throw new Error("with a secret in it");
  },
  wait: async (_, { signal }) => {
    await new Promise((stop) => signal.addEventListener("abort", stop));
    return { stopped: true };
  },
  async *count({ until }, { signal }) {
    seen.made = 0;
    try {
      for (let n = 0; n < until && !signal.aborted; n++) {
        seen.made++;
        yield { n };
      }
      return { counted: seen.made };
    } finally {
      seen.left++;
      seen.aborted = signal.aborted;
    }
  },
  extra: async () => ({}),
  nothing: async () => undefined,
  async *follow({ how }, { signal }) {
    try {
      yield "begun";
      if (!signal.aborted) await new Promise((stop) => signal.addEventListener("abort", stop));
      if (how === "reason") throw signal.reason;
      if (how === "coded") throw sampleErrors.SAMPLE_BUSY("half done");
      if (how === "fault") throw new Error("closed");
      yield "so far";
      return "stopped";
    } finally {
      if (how === "cleanup") await Promise.reject(sampleErrors.SAMPLE_BUSY("cannot be closed"));
    }
  },
});

const quiet = { signal: new AbortController().signal };

conformance(sample, make, (start) => {
  test("values and bytes come back as they were", async () => {
    const value = { text: "ünï\u2028", bytes: new Uint8Array([0, 255]) };
    expect(await start().echo(value, quiet)).toEqual(value);
  });

  test("what does not match is refused before it is sent, and before it is taken", async () => {
    expect(
      await start()
        .echo({ text: 1 } as never, quiet)
        .catch((error) => error.code),
    ).toBe("CAPABILITY_PARAMS_INVALID");
  });

  test("an error keeps its code, message, data and whether to retry; a fault tells nothing of itself", async () => {
    const coded = await start()
      .fail({ how: "coded" }, quiet)
      .catch((error) => error);
    expect(coded).toMatchObject({
      code: "SAMPLE_BUSY",
      message: "very busy",
      retryable: true,
      retryAfterMs: 5,
      data: { queue: 3 },
      wire: "UNAVAILABLE",
    });
    const fault = await start()
      .fail({ how: "fault" }, quiet)
      .catch((error) => error);
    expect(fault.code).toBe("PLUGIN_FAULT");
    expect(fault.message).not.toContain("secret");
  });

  test("that the disk is full is no fault: it is told, and to be tried again", async () => {
    const full = await start()
      .fail({ how: "full" }, quiet)
      .catch((error) => error);
    expect(full).toMatchObject({ code: "DISK_FULL", retryable: true, wire: "UNAVAILABLE", message: expect.stringContaining("/disk/file") });
  });

  test("an abort asks, and the answer is awaited", async () => {
    const stop = new AbortController();
    const waiting = start().wait({}, { signal: stop.signal });
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    expect(await waiting).toEqual({ stopped: true });
  });

  test("nothing begins when the signal has aborted already", async () => {
    const reason = new Error("too late");
    expect(
      await start()
        .echo({ text: "x" }, { signal: AbortSignal.abort(reason) })
        .catch(errorMessage),
    ).toBe("too late");
  });

  test("a stream yields its items in order and returns its result", async () => {
    const items: number[] = [];
    const lines = start().count({ until: 1000 }, quiet);
    let step = await lines.next();
    for (; !step.done; step = await lines.next()) items.push(step.value.n);
    expect(items).toEqual(Array.from({ length: 1000 }, (_, n) => n));
    expect(step.value).toEqual({ counted: 1000 });
  });

  test("a reader that leaves early stops the other side and waits for it; one that is slow slows it", async () => {
    seen.left = 0;
    for await (const { n } of start().count({ until: 100_000 }, quiet)) if (n === 3) break;
    expect(seen).toMatchObject({ left: 1, aborted: true });
    expect(seen.made).toBeLessThan(1000);
  });

  test("nothing comes back as nothing", async () => {
    expect(await start().nothing({}, quiet)).toBeUndefined();
  });

  test("a stream that was aborted still yields and returns what it has to", async () => {
    const stop = new AbortController();
    const lines = start().follow({ how: "return" }, { signal: stop.signal });
    expect(await lines.next()).toEqual({ done: false, value: "begun" });
    stop.abort();
    expect(await lines.next()).toEqual({ done: false, value: "so far" });
    expect(await lines.next()).toEqual({ done: true, value: "stopped" });
  });

  test("a stream that was aborted rejects with the reason, unless it means something by its error", async () => {
    const reason = new Error("the user pressed stop");
    for (const how of ["reason", "fault", "coded"]) {
      const stop = new AbortController();
      const lines = start().follow({ how }, { signal: stop.signal });
      await lines.next();
      stop.abort(reason);
      const error = await lines.next().catch((thrown) => thrown);
      if (how === "coded") expect(error).toMatchObject({ code: "SAMPLE_BUSY", message: "half done" });
      else expect(error).toBe(reason);
    }
  });

  test("a reader that leaves early is told when the other side cannot clean up", async () => {
    const leaving = async (how: string) => {
      for await (const _ of start().follow({ how }, quiet)) break;
      return "left";
    };
    expect(await leaving("reason")).toBe("left");
    expect(await leaving("cleanup").catch(errorMessage)).toBe("cannot be closed");
  });

  test("an optional member is there or is absent", () => {
    expect(start().extra).toBeFunction();
    expect(start().absent).toBeUndefined();
  });
});

test("what cannot leave a process is refused over a loopback", async () => {
  const smuggling = loopback(sample, { ...make(), echo: async () => ({ text: "x", extra: () => 1 }) as never });
  expect(await smuggling.echo({ text: "x" }, quiet).catch((error) => error.code)).toBe("PLUGIN_FAULT");
});
