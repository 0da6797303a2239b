/** The pages about models, budgets and the selector tell every setting, with its default, and which failures a fallback is meant for. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BudgetsConfig } from "../../plugins/budgets/config.ts";
import { DIMENSIONS } from "../../plugins/budgets/whose.ts";
import { FailoverConfig, Trigger, USUAL_TRIGGERS } from "../../plugins/failover/config.ts";
import { Ceiling, Weights } from "../../plugins/selector/config.ts";

const pageOf = (name: string) => readFileSync(join(dirname(dirname(import.meta.dir)), "docs", name), "utf8");

/** The cells of a table whose first line begins so. */
const rowsOf = (page: string, first: string) => {
  const at = page.indexOf(`| ${first} |`);
  expect([first, at >= 0]).toEqual([first, true]);
  const [table = ""] = page.slice(at).split("\n\n", 1);
  const cells = (row: string) => row.split("|").slice(1, -1);
  return table
    .split("\n")
    .slice(2)
    .map((row) => cells(row).map((cell) => cell.trim()));
};
const namesIn = (cell: string | undefined) => [...(cell ?? "").matchAll(/`(\w+)`/g)].map(([, name = ""]) => name);

/** By name, as the page writes it; rows of several settings have as many defaults. */
const toldIn = (page: string, first: string) =>
  rowsOf(page, first).flatMap(([settings, defaults = ""]) => {
    const [names, values] = [namesIn(settings), defaults.split(", ")];
    return names.map((name, at): readonly [string, string] => [name, (values[at] ?? values[0] ?? "").replaceAll(/[`"]/g, "")]);
  });

const isSimple = (value: unknown) => typeof value === "number" || typeof value === "boolean" || typeof value === "string";
const defaultsOf = (properties: Readonly<Record<string, { readonly default?: unknown }>>) =>
  Object.entries(properties).map(([name, { default: value }]): readonly [string, string | undefined] => [
    name,
    isSimple(value) ? String(value) : undefined,
  ]);

test.each([
  ["models.md", "`failover.`", FailoverConfig.properties],
  ["budgets.md", "`budgets.`", BudgetsConfig.properties],
  ["selector.md", "`ceiling.`", Ceiling.properties],
  ["selector.md", "feature", Weights.properties],
] as const)("%s has every setting of its table %s, with its default", (page, first, properties) => {
  const told = new Map(toldIn(pageOf(page), first));
  const defaults = defaultsOf(properties);
  expect([...told.keys()].sort()).toEqual(defaults.map(([name]) => name).sort());
  for (const [name, value] of defaults) if (value !== undefined) expect([name, told.get(name)]).toEqual([name, value]);
});

test("the table of triggers has each, and says which a fallback has that names none", () => {
  const told = rowsOf(pageOf("models.md"), "`on`").map(([name = "", , usual]) => [name.replaceAll("`", ""), usual === "yes"]);
  expect(told.map(([name]) => name).sort()).toEqual(Trigger.anyOf.map((one) => one.const).sort());
  expect(told.flatMap(([name, isUsual]) => (isUsual ? [name] : []))).toEqual([...USUAL_TRIGGERS]);
});

test("the table of limits has each by which calls are told apart", () => {
  const page = pageOf("budgets.md");
  expect(page).toContain(`| ${DIMENSIONS.map((one) => `\`${one}\``).join(", ")} | all |`);
});
