import { expect, test } from "bun:test";
import { folder, type Source, sources } from "./sources.ts";

const length = ({ lines }: Source) => lines.length - 1;
const over = (within: readonly Source[], limit: number) =>
  within.filter((source) => length(source) > limit).map((source) => `${source.path}: ${length(source)}`);
const total = (within: readonly Source[]) => within.reduce((sum, source) => sum + length(source), 0);

const kernel = folder("kernel/").filter(({ isTest }) => !isTest);
const cli = kernel.filter(({ path }) => path.startsWith("kernel/cli/"));

const store = folder("store/").filter(({ isTest }) => !isTest);
/** What confines a plugin's process is a part of its own: nothing else of the host knows how it is done. */
const sandbox = folder("plugin-host/sandbox/").filter(({ isTest }) => !isTest);
const host = folder("plugin-host/").filter((source) => !source.isTest && !sandbox.includes(source));

/** The design's budgets are 5,000 lines for the kernel and 2,000 for its CLI. A bound above them only ever goes down. */
const BOUND = { kernel: 6_260, cli: 2_000, host: 1_600, sandbox: 1_430, store: 560, together: 8_400 };

test("the kernel, its CLI, the plugin host and the store keep to their budgets", () => {
  expect(total(kernel) - total(cli)).toBeLessThanOrEqual(BOUND.kernel);
  expect(total(cli)).toBeLessThanOrEqual(BOUND.cli);
  expect(total(store)).toBeLessThanOrEqual(BOUND.store);
  expect(total(kernel) - total(cli) + total(store) + total(host)).toBeLessThanOrEqual(BOUND.together);
  expect(total(host)).toBeLessThanOrEqual(BOUND.host);
  expect(total(sandbox)).toBeLessThanOrEqual(BOUND.sandbox);
});

test("no file of the kernel, the plugin host or the store is over 300 lines, and no source file over 500", () => {
  expect(over([...folder("kernel/"), ...folder("plugin-host/"), ...folder("store/")], 300)).toEqual([]);
  expect(over(sources, 500)).toEqual([]);
});
