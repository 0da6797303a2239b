import { expect, test } from "bun:test";
import { channelErrors } from "../contracts/channel.ts";
import type { KeyValueStore } from "../plugin.ts";
import { createManualClock } from "../testing/clock.ts";
import { sendInSteps } from "./steps.ts";

function createStore() {
  const values = new Map<string, unknown>();
  const store: KeyValueStore = {
    get: async <T>(key: string) => values.get(key) as T | undefined,
    list: async <T>(prefix: string) => [...values].flatMap(([key, value]) => (key.startsWith(prefix) ? [{ key, value: value as T }] : [])),
    set: async (changes) => {
      for (const [key, value] of Object.entries(changes)) value === undefined ? values.delete(key) : values.set(key, value);
    },
  };
  return { values, store };
}

function run(fails: readonly (Error | undefined)[]) {
  const { values, store } = createStore();
  const clock = createManualClock();
  const done: string[] = [];
  const left = [...fails];
  const step = (name: string) => async () => {
    const failure = left.shift();
    if (failure) throw failure;
    done.push(name);
    return name;
  };
  const send = (key = "k") => sendInSteps({ clock, store, key, steps: [step("a"), step("b"), step("c")] });
  return { clock, values, done, send };
}

test("what went out is not sent again when a later step was refused for now", async () => {
  const { send, done, values } = run([
    undefined,
    channelErrors.CHANNEL_RATE_LIMITED(),
    channelErrors.CHANNEL_UNAVAILABLE(),
    undefined,
    undefined,
  ]);
  await expect(send()).rejects.toMatchObject({ code: "CHANNEL_RATE_LIMITED" });
  await expect(send()).rejects.toMatchObject({ code: "CHANNEL_UNAVAILABLE" });
  expect(await send()).toEqual(["a", "b", "c"]);
  expect(done).toEqual(["a", "b", "c"]);
  expect(values.size).toBe(0);
});

test("nothing is kept of what nobody sends again", async () => {
  const rejected = run([undefined, channelErrors.CHANNEL_REJECTED()]);
  await expect(rejected.send()).rejects.toMatchObject({ code: "CHANNEL_REJECTED" });
  expect(rejected.values.size).toBe(0);
  const givenUp = run([undefined, channelErrors.CHANNEL_RATE_LIMITED()]);
  await expect(givenUp.send("old")).rejects.toMatchObject({ code: "CHANNEL_RATE_LIMITED" });
  expect(givenUp.values.size).toBe(1);
  await givenUp.clock.advance(48 * 3_600_000);
  await givenUp.send("new");
  expect(givenUp.values.size).toBe(0);
});
