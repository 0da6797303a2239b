import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { createCliHome } from "../support/cli.ts";

const skills = join(dirname(dirname(import.meta.dir)), "skills");
const names = readdirSync(skills).sort();

interface Checked {
  readonly skills: readonly {
    readonly name: string;
    readonly steps: readonly { readonly name: string; readonly verdict: string; readonly summary: string }[];
  }[];
}

test("every skill that ships with Pincer passes its own check, with the tools of a new installation", async () => {
  await using home = createCliHome();
  await home.pincer(["up"]);
  const { skills: checked } = await home.json<Checked>(["skills", "check", skills]);
  expect(checked.map(({ name }) => name)).toEqual(names);
  // What a machine lacks is no fault of a skill; all else has nothing that somebody should look at.
  const others = checked.flatMap(({ name, steps }) =>
    steps.filter((step) => step.verdict !== "passed" && step.name !== "requirements").map((step) => `${name}: ${step.summary}`),
  );
  expect(others).toEqual([]);
}, 120_000);

test("the examples of each are run by a test", () => {
  expect(names.length).toBeGreaterThanOrEqual(8);
  expect(names.filter((name) => !existsSync(join(import.meta.dir, `${name}.test.ts`)))).toEqual([]);
});
