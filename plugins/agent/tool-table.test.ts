import { expect, test } from "bun:test";
import type { TSchema } from "@sinclair/typebox";
import { allowedTools, argumentFault, canonicalJson, encodeToolName, type KnownTool, toolTable } from "./tool-table.ts";

const parameters = {
  type: "object",
  properties: { path: { type: "string", minLength: 1 }, limit: { type: "integer", minimum: 1 } },
  required: ["path"],
  additionalProperties: false,
} as unknown as TSchema;
const known = (name: string): KnownTool => ({ name, plugin: "p", record: { summary: `does ${name}`, parameters, access: "read" } });

test("a dotted name reaches providers in the letters that they take", () => {
  expect(encodeToolName("browser.click")).toBe("browser_click");
  expect(encodeToolName("x".repeat(200))).toHaveLength(64);
  expect(encodeToolName(`${"x".repeat(80)}a`)).not.toBe(encodeToolName(`${"x".repeat(80)}b`));
});

test("two tools that would get the same name are both refused, but one that is really called so keeps it", () => {
  const both = toolTable([known("a.b"), known("a b"), known("read")]);
  expect([...both.tools.keys()]).toEqual(["read"]);
  expect(both.collisions).toEqual(["a.b", "a b"]);
  const own = toolTable([known("a.b"), known("a_b")]);
  expect(own.tools.get("a_b")?.name).toBe("a_b");
  expect(own.collisions).toEqual(["a.b"]);
});

test("the same tools give the same request, in whatever order they were installed", () => {
  expect(toolTable([known("write"), known("read")]).specs).toEqual(toolTable([known("read"), known("write")]).specs);
});

test("an agent's deny wins over its allow", () => {
  const tools = ["files.read", "files.write", "exec"].map(known);
  expect(allowedTools(tools, { allow: ["*"], deny: ["exec"] }).map(({ name }) => name)).toEqual(["files.read", "files.write"]);
  expect(allowedTools(tools, { allow: ["files.*"], deny: ["*.write"] }).map(({ name }) => name)).toEqual(["files.read"]);
  expect(allowedTools(tools, { allow: [], deny: [] })).toEqual([]);
});

test("a model is told which argument is wrong, and how", () => {
  const { record } = known("read");
  expect(argumentFault(record, { path: "a.txt", limit: 3 })).toBeUndefined();
  expect(argumentFault(record, { limit: 0 })).toMatch(/path.*limit/);
  expect(argumentFault(record, { path: "a", other: 1 })).toContain("other");
  expect(argumentFault(record, { argumentsThatAreNotJson: "{" })).toContain("not valid JSON");
  expect(argumentFault({ ...record, parameters: { type: "nonsense" } as unknown as TSchema }, {})).toContain("cannot be checked");
});

test("equal arguments are equal whatever the order of their keys", () => {
  expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe(canonicalJson({ a: null, b: [{ c: 2, d: 1 }] }));
});
