import { expect, test } from "bun:test";
import { folder, type Source, sources } from "./sources.ts";

const length = ({ lines }: Source) => lines.length - 1;
const over = (within: readonly Source[], limit: number) =>
  within.filter((source) => length(source) > limit).map((source) => `${source.path}: ${length(source)}`);
const total = (within: readonly Source[]) => within.reduce((sum, source) => sum + length(source), 0);

const kernel = folder("kernel/").filter(({ isTest }) => !isTest);
const cli = kernel.filter(({ path }) => path.startsWith("kernel/cli/"));

const store = folder("store/").filter(({ isTest }) => !isTest);
const host = folder("plugin-host/").filter(({ isTest }) => !isTest);

/** The design's budgets are 5,000 lines for the kernel and 2,000 for its CLI. A bound above them only ever goes down. */
const BOUND = { kernel: 5_000, cli: 2_000, host: 4_300, store: 620 };

test("the kernel, its CLI, the plugin host and the store keep to their budgets", () => {
  expect(total(kernel) - total(cli)).toBeLessThanOrEqual(BOUND.kernel);
  expect(total(cli)).toBeLessThanOrEqual(BOUND.cli);
  expect(total(store)).toBeLessThanOrEqual(BOUND.store);
  expect(total(host)).toBeLessThanOrEqual(BOUND.host);
});

test("no file of the kernel, the plugin host or the store is over 300 lines, and no source file over 500", () => {
  expect(over([...folder("kernel/"), ...folder("plugin-host/"), ...folder("store/")], 300)).toEqual([]);
  expect(over(sources, 500)).toEqual([]);
});
