import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDeviceKey } from "@pincer/plugin-sdk/testing/client";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import type { MethodBinding } from "../../plugin-host/bindings.ts";
import { startBus } from "../../tests/support/bus.ts";
import { method, shopErrors } from "../../tests/support/methods.ts";

const day = 86_400_000;

/** A shop that counts what it sells. */
function shop(): { binding: MethodBinding; sold: () => number } {
  let sold = 0;
  return { binding: method("shop.buy", () => ({ order: ++sold }), { scope: "operator.read", idempotency: "kept" }), sold: () => sold };
}

test("a repetition under the same key gets the first answer and nothing is done again, also after a restart (#39138)", async () => {
  const home = await mkdtemp(join(tmpdir(), "pincer-bus-"));
  const { binding, sold } = shop();
  for (const _ of ["first run", "second run"]) {
    await using host = await startBus({ home, methods: [binding] });
    const socket = await host.connect();
    expect(await socket.call("shop.buy", { idempotencyKey: "k1" })).toEqual({ order: 1 });
    expect(await (await host.connect()).call("shop.buy", { idempotencyKey: "k1" })).toEqual({ order: 1 });
  }
  expect(sold()).toBe(1);
  await rm(home, { recursive: true });
});

test("a key belongs to one principal and one method; without a key nothing is kept", async () => {
  const { binding, sold } = shop();
  const rent = method("shop.rent", () => "rented", { idempotency: "kept" });
  await using host = await startBus({ methods: [binding, rent] });
  const [shared, device] = [await host.connect(), await host.connect({ device: createDeviceKey() })];
  expect(await shared.call("shop.buy", { idempotencyKey: "k" })).toEqual({ order: 1 });
  expect(await device.call("shop.buy", { idempotencyKey: "k" })).toEqual({ order: 2 });
  expect(await shared.call<string>("shop.rent", { idempotencyKey: "k" })).toBe("rented");
  await shared.call("shop.buy");
  await shared.call("shop.buy");
  expect(sold()).toBe(4);
});

test("repetitions that come while the first still runs share its execution", async () => {
  const gate = Promise.withResolvers<void>();
  let runs = 0;
  const buy = method(
    "shop.buy",
    async () => {
      const order = ++runs;
      await gate.promise;
      return { order };
    },
    { idempotency: "kept" },
  );
  await using host = await startBus({ methods: [buy] });
  const [one, two] = [await host.connect(), await host.connect()];
  const calls = [one, one, two].map((socket) => socket.call("shop.buy", { idempotencyKey: "k" }));
  await Promise.all([one.call("health"), two.call("health")]);
  gate.resolve();
  expect(await Promise.all(calls)).toEqual([{ order: 1 }, { order: 1 }, { order: 1 }]);
  expect(runs).toBe(1);
});

test("a failure is not kept", async () => {
  let open = false;
  const buy = method(
    "shop.buy",
    () => {
      if (!open) throw shopErrors.SHOP_CLOSED();
      return "bought";
    },
    { idempotency: "kept" },
  );
  await using host = await startBus({ methods: [buy] });
  const socket = await host.connect();
  await expect(socket.call("shop.buy", { idempotencyKey: "k" })).rejects.toThrow("SHOP_CLOSED");
  open = true;
  expect(await socket.call<string>("shop.buy", { idempotencyKey: "k" })).toBe("bought");
});

test("a method without an answer is kept too", async () => {
  let runs = 0;
  const close = method("shop.close", () => void runs++, { idempotency: "kept" });
  await using host = await startBus({ methods: [close] });
  const socket = await host.connect();
  expect(await socket.call<null>("shop.close", { idempotencyKey: "k" })).toBeNull();
  expect(await socket.call<null>("shop.close", { idempotencyKey: "k" })).toBeNull();
  expect(runs).toBe(1);
});

test("answers are kept for seven days and then swept; beyond the bound the oldest go first (#86214)", async () => {
  const clock = createManualClock();
  const { binding } = shop();
  await using host = await startBus({ clock, methods: [binding], settings: { keptRows: 3 } });
  const socket = await host.connect();
  const buy = async (idempotencyKey: string) => (await socket.call<{ order: number }>("shop.buy", { idempotencyKey })).order;
  const rows = async () => (await host.store.read<{ key: string }>("select key from bus_kept order by at")).map(({ key }) => key);
  expect(await buy("old")).toBe(1);
  clock.jump(7 * day - 1);
  expect(await buy("old")).toBe(1);
  clock.jump(1);
  expect(await buy("old")).toBe(2);
  for (const key of ["a", "b", "c"]) {
    clock.jump(1);
    await buy(key);
  }
  await host.retention.run();
  expect(await rows()).toEqual(["a", "b", "c"]);
  clock.jump(7 * day);
  await host.retention.run();
  expect(await rows()).toEqual([]);
});

test("when the answer cannot be kept, it is given all the same, since it has been done", async () => {
  const { binding, sold } = shop();
  await using host = await startBus({ methods: [binding] });
  await host.store.write(
    ["drop table bus_kept"],
    ["create table bus_kept (principal text, method text, key text, at integer, result text check (0))"],
  );
  const socket = await host.connect();
  expect(await socket.call("shop.buy", { idempotencyKey: "k" })).toEqual({ order: 1 });
  expect(sold()).toBe(1);
  expect(host.log.some(({ event }) => event === "bus.answer-not-kept")).toBe(true);
});
