import { expect, test } from "bun:test";
import { folder, type Source, sources } from "./sources.ts";

const length = ({ lines }: Source) => lines.length - 1;
const over = (within: readonly Source[], limit: number) =>
  within.filter((source) => length(source) > limit).map((source) => `${source.path}: ${length(source)}`);
const total = (within: readonly Source[]) => within.reduce((sum, source) => sum + length(source), 0);

const kernel = folder("kernel/").filter(({ isTest }) => !isTest);
const cli = kernel.filter(({ path }) => path.startsWith("kernel/cli/"));

test("the kernel stays within 5,000 lines, and its CLI within 2,000", () => {
  expect(total(kernel) - total(cli)).toBeLessThanOrEqual(5000);
  expect(total(cli)).toBeLessThanOrEqual(2000);
});

test("no kernel file is over 300 lines, and no source file over 500", () => {
  expect(over(folder("kernel/"), 300)).toEqual([]);
  expect(over(sources, 500)).toEqual([]);
});
