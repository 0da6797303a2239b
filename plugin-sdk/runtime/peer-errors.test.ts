import { expect, spyOn, test } from "bun:test";
import { defineErrors, type GatewayError, isGatewayError } from "../error.ts";
import { joinPeers, quiet, thrown } from "../testing/peers.ts";

const sampleErrors = defineErrors({ SAMPLE_FULL: { message: "full", wire: "NOT_PAIRED", retryable: true } });

test("an error with a code crosses whole, without its cause; what a table made here is recognised there", async () => {
  const { near } = joinPeers({
    call: async () => {
      const options = { retryAfterMs: 250, data: { queue: 3, bytes: new Uint8Array([1]) }, cause: new Error("private") };
      throw sampleErrors.SAMPLE_FULL("all 3 are taken", options);
    },
  });
  const error = await thrown(near.call("fail", {}, quiet));
  expect(isGatewayError(error)).toBe(true);
  expect({ ...error }).toEqual({
    ...sampleErrors.SAMPLE_FULL("all 3 are taken", { retryAfterMs: 250, data: { queue: 3, bytes: new Uint8Array([1]) } }),
  });
  expect([error.message, error.cause]).toEqual(["all 3 are taken", undefined]);
});

test("an error whose data cannot be sent keeps its code", async () => {
  const { near } = joinPeers({
    call: async () => {
      throw sampleErrors.SAMPLE_FULL("full", { data: { close: () => undefined } });
    },
  });
  expect(await thrown(near.call("fail", {}, quiet))).toMatchObject({ code: "SAMPLE_FULL", data: undefined });
});

class SocketError extends TypeError {
  override readonly name = "SocketError";
}

test("a fault is told with name, message and stack, bounded, or only that it happened", async () => {
  const fault = new SocketError("with a secret in it");
  const large = new Error("x".repeat(1_000_000));
  const faults = new Map<string, unknown>([
    ["fault", fault],
    ["large", large],
  ]);
  const call = async (target: string) => {
    throw faults.get(target);
  };
  const { near } = joinPeers({ call });
  const told = await thrown(near.call("fault", {}, quiet));
  expect(isGatewayError(told)).toBe(false);
  expect([told.name, told.message, told.stack]).toEqual(["SocketError", "with a secret in it", fault.stack]);
  const cut = await thrown(near.call("large", {}, quiet));
  expect(`${cut.name}${cut.message}${cut.stack}`.length).toBeLessThanOrEqual(16_384);
  const { near: trusting } = joinPeers({ call: () => new Promise(() => undefined) });
  const lied = thrown(trusting.call("call", {}, quiet));
  trusting.receive(7, 1, { name: "n".repeat(1_000_000), message: "m".repeat(1_000_000), stack: "s".repeat(1_000_000) });
  const coded = thrown(trusting.call("call", {}, quiet));
  trusting.receive(6, 2, { code: "C".repeat(1_000_000), message: "m".repeat(1_000_000), wire: "UNAVAILABLE", retryable: false });
  const { code = "", message: said } = (await coded) as GatewayError;
  expect(`${code}${said}`.length).toBeLessThanOrEqual(16_384);
  const { name, message, stack } = await lied;
  expect(`${name}${message}${stack}`.length).toBeLessThanOrEqual(16_384);
  const { near: outside } = joinPeers({ call }, { tellsFaults: false });
  const bare = await thrown(outside.call("fault", {}, quiet));
  expect(`${bare.name} ${bare.message} ${bare.stack}`).not.toMatch(/secret|SocketError/);
  expect(bare.message).toContain("fault");
});

test("whatever is thrown is answered", async () => {
  const brand = Symbol.for("pincer.error");
  const lies: unknown[] = [
    undefined,
    null,
    "text",
    Symbol("s"),
    Object.create(null),
    { [brand]: true },
    { [brand]: true, code: "X", message: "m", wire: "NO_SUCH_CODE", retryable: 1 },
    Object.defineProperty(new Error("x"), "message", {
      get() {
        throw new Error("looked at");
      },
    }),
    new Proxy(
      {},
      {
        has() {
          throw new Error("asked");
        },
      },
    ),
  ];
  const { near, ends } = joinPeers({
    call: async (target) => {
      throw lies[Number(target)];
    },
  });
  for (const index of lies.keys()) {
    const error = await thrown(near.call(String(index), {}, quiet));
    expect([error instanceof Error, isGatewayError(error)]).toEqual([true, false]);
  }
  expect(ends).toEqual([]);
});

test("a fault of this side's own code does not reach a socket", async () => {
  const errors = spyOn(console, "error");
  const { near, ends } = joinPeers({
    call: () => {
      throw new RangeError("not even a promise");
    },
    stream: () => ({}) as never,
  });
  expect(await thrown(near.call("call", {}, quiet))).toMatchObject({ name: "RangeError" });
  expect(await thrown(near.stream("stream", {}, quiet).next())).toMatchObject({ name: "TypeError" });
  expect([ends, errors.mock.calls]).toEqual([[], []]);
  errors.mockRestore();
});
