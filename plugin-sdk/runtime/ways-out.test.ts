import { expect, test } from "bun:test";
import { honestFetch, WaysOut } from "./ways-out.ts";

const target = "example.com:443";

test("a request is known to have been heard by nobody when every way there was refused while it was under way", () => {
  const ways = new WaysOut();
  const isRefused = ways.watch(target);
  expect(isRefused()).toBe(false);
  ways.refused(target);
  expect(isRefused()).toBe(true);
  expect(ways.watch(target)()).toBe(false);
});

test("with a way that was open at its beginning, or opened meanwhile, it may have been heard", () => {
  const ways = new WaysOut();
  const close = ways.joined(target);
  const beside = ways.watch(target);
  ways.refused(target);
  close();
  expect(beside()).toBe(false);
  const during = ways.watch(target);
  ways.joined(target)();
  ways.refused(target);
  expect(during()).toBe(false);
});

test("what was forgotten meanwhile is not known", () => {
  const ways = new WaysOut();
  const isRefused = ways.watch(target);
  ways.joined(target)();
  for (let n = 0; n < 1000; n++) ways.watch(`host-${n}:443`);
  ways.refused(target);
  expect(isRefused()).toBe(false);
});

test("fetch says so with the code of the system", async () => {
  const ways = new WaysOut();
  const broken = async (): Promise<Response> => {
    ways.refused(target);
    throw Object.assign(new TypeError("reset"), { code: "ECONNRESET" });
  };
  const fetched = honestFetch(Object.assign(broken, { preconnect: fetch.preconnect }), ways)("https://example.com/x");
  expect(fetched).rejects.toMatchObject({ code: "ECONNREFUSED" });
});
