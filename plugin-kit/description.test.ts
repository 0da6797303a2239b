import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseManifest } from "@pincer/plugin-sdk/manifest";
import { createCliHome } from "../tests/support/cli.ts";
import { describePlugin } from "./description.ts";

test("everything that a plugin declares stands in its description, each where one looks for it", () => {
  const file = join(import.meta.dir, "..", "tests", "fixtures", "plugins", "everything", "plugin.json");
  const manifest = parseManifest(readFileSync(file, "utf8"), file);
  const sections = new Map(describePlugin(manifest).map(({ title, rows }) => [title, rows.map((row) => row.join("  "))]));
  expect([...sections.keys()]).toEqual([
    ...["Provides", "Methods", "Hooks", "Routes", "Jobs", "Emits", "Listens to", "Commands", "Columns of sessions", "Uses", "May"],
  ]);
  expect(sections.get("Provides")).toEqual(["counter  plain"]);
  expect(sections.get("Methods")).toEqual([
    "everything.call  Calls a method of the gateway by name. (operator.read or more)",
    "everything.status  What the fixture has seen. (operator.read)",
  ]);
  expect(sections.get("Hooks")).toEqual(["prompt.building  (transform)"]);
  expect(sections.get("Routes")).toEqual(["/everything  open to anyone who reaches the port"]);
  expect(sections.get("Uses")).toEqual(["needs  sessions", "when it is there  policy"]);
  expect(sections.get("May")?.at(-1)).toMatch(/^scopes operator\.write {2}risky: It can /);
  const tool = { summary: "Reads.", access: "read" };
  const provides = { tool: { look: { version: 1, arity: "many" as const, record: tool } } };
  expect(describePlugin({ ...manifest, permissions: {}, generated: { provides } })).toEqual([
    { title: "Tools", rows: [["look", "Reads. (read)"]] },
  ]);
});

test("pincer plugins inspect shows it, of a plugin that is off too", async () => {
  await using home = createCliHome();
  await home.pincer(["up"]);
  const { out } = await home.pincer(["plugins", "inspect", "delivery"]);
  expect(out).toMatch(/\nMethods\n( {2}.*\n)* {2}channels\.start +Connects an account\. \(operator\.admin\)\n/);
  expect(out).toMatch(/\nUses\n {2}needs +channel, channel-actions, lanes, router, .*\n {2}when it is there +sender-policy\n/);
  expect((await home.pincer(["plugins", "inspect", "openai-api"])).out).toMatch(
    /state +disabled[\s\S]*\nRoutes\n {2}\/v1 {2}for who has the token\n/,
  );
  expect((await home.pincer(["plugins", "inspect", "tools-files"])).out).toMatch(/\nTools\n {2}edit +Replace text in a file\. \(write\)\n/);
  expect(await home.json(["plugins", "inspect", "delivery"])).toMatchObject({
    id: "delivery",
    manifest: { generated: { methods: { send: { scope: "operator.write" } } } },
  });
}, 120_000);
