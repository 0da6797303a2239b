import { expect, test } from "bun:test";
import type { Entry } from "@pincer/plugin-sdk/contracts/sessions";
import { ContextCache, continued } from "./context-cache.ts";
import { contextItem, itemsOf } from "./context-window.ts";

const entry = (seq: number, kind: Entry["kind"] = "message", id = `e${seq}`): Entry => ({
  id,
  parent: null,
  seq,
  kind,
  message: { role: "user", content: `text ${seq}`, timestamp: 0 },
  at: 0,
});
/** A transcript that counts how many of its entries were read. */
function transcript(count: number) {
  const entries = Array.from({ length: count }, (_, index) => entry(index + 1));
  let read = 0;
  const store = {
    path: async ({ limit = Number.MAX_SAFE_INTEGER }: { limit?: number }) => {
      const found = entries.slice(-limit);
      read += found.length;
      return { entries: found, total: entries.length };
    },
  };
  const take = () => {
    const taken = read;
    read = 0;
    return taken;
  };
  return { entries, store: store as never, take };
}
const io = { signal: new AbortController().signal };
const ids = ({ items }: { readonly items: readonly { readonly id: string }[] }) => items.map(({ id }) => id);

test("a conversation that goes on where it was left is not read again", async () => {
  const { entries, store, take } = transcript(100);
  const cache = new ContextCache(() => 1_000_000);
  const first = await cache.read(store, "a", io);
  expect(take()).toBe(100);
  cache.keep("a", first);
  entries.push(entry(101, "note"), entry(102));
  const second = await cache.read(store, "a", io);
  expect(take()).toBeLessThan(10);
  expect(ids(second)).toEqual([...ids(first), "e102"]);
});

test("a conversation that others went on with, cut or replaced is read again", async () => {
  const cache = new ContextCache(() => 1_000_000);
  const { entries, store, take } = transcript(50);
  cache.keep("a", await cache.read(store, "a", io));
  take();
  entries.push(...Array.from({ length: 20 }, (_, index) => entry(51 + index)));
  expect(ids(await cache.read(store, "a", io))).toHaveLength(70);
  expect(take()).toBeGreaterThan(60);
  entries.push(entry(71, "summary", "summary:70:x"));
  expect(ids(await cache.read(store, "a", io))[0]).toBe("summary:70:x");
  entries.splice(0, entries.length, entry(1, "message", "new"));
  expect(ids(await cache.read(store, "a", io))).toEqual(["new"]);
});

test("#91588 #121214 what is kept of conversations has a bound, and the least lately used goes first", async () => {
  const { store, take } = transcript(10);
  const one = await new ContextCache(() => 0).read(store, "x", io);
  const bytes = one.items.reduce((sum, item) => sum + item.bytes, 0);
  const cache = new ContextCache(() => bytes * 3);
  for (const key of ["a", "b", "c", "d"]) cache.keep(key, one);
  take();
  await cache.read(store, "b", io);
  expect(take()).toBeLessThan(10);
  await cache.read(store, "a", io);
  expect(take()).toBeGreaterThanOrEqual(10);
  cache.forget("b");
  await cache.read(store, "b", io);
  expect(take()).toBeGreaterThanOrEqual(10);
});

test("what somebody else wrote into a running turn is not lost: the next one reads again", () => {
  const items = itemsOf([entry(1), entry(2)]);
  const reading = { items, leaf: { id: "e2", seq: 2 } };
  const own = [3, 4].map((seq) => ({ id: `own${seq}`, seq }));
  const left = [...items, contextItem("own3", entry(3).message), contextItem("own4", entry(4).message)];
  expect(continued(reading, left, own)?.leaf).toEqual({ id: "own4", seq: 4 });
  expect(continued(reading, left, [own[0]!, { id: "own5", seq: 5 }])).toBeUndefined();
  expect(continued({ items: [], leaf: undefined }, left, own)).toBeUndefined();
});
