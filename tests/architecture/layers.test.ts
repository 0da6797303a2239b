import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { folder, importsOf, type Source, sources } from "./sources.ts";

/** Where a relative import leads, from the root. */
const target = (source: Source, specifier: string) => (specifier.startsWith(".") ? join(dirname(source.path), specifier) : specifier);

const offending = (within: readonly Source[], refused: (target: string, source: Source) => boolean) =>
  within.flatMap((source) =>
    importsOf(source)
      .filter(({ specifier }) => refused(target(source, specifier), source))
      .map(({ specifier }) => `${source.path} imports ${specifier}`),
  );

const shipped = (prefix: string) => folder(prefix).filter(({ isTest }) => !isTest);

test("the SDK imports nothing of ours, and only its testing half imports the kernel", () => {
  const ours = (to: string) => /^(@pincer\/|kernel\/|plugins\/|registry\/|tests\/)/.test(to);
  expect(
    offending(
      shipped("plugin-sdk/").filter(({ path }) => !path.startsWith("plugin-sdk/testing/")),
      ours,
    ),
  ).toEqual([]);
  const beyondKernel = (to: string) => /^(plugins\/|registry\/|tests\/)/.test(to);
  expect(offending(shipped("plugin-sdk/testing/"), beyondKernel)).toEqual([]);
});

test("the kernel imports the SDK and itself, and of third parties only TypeBox", () => {
  const allowed = (to: string) =>
    to.startsWith("kernel/") ||
    to === "package.json" ||
    to.startsWith("@pincer/plugin-sdk") ||
    to.startsWith("@sinclair/typebox") ||
    to.startsWith("node:") ||
    to.startsWith("bun");
  expect(offending(shipped("kernel/"), (to) => !allowed(to))).toEqual([]);
  expect(offending(shipped("kernel/"), (to) => to.startsWith("@pincer/plugin-sdk/testing"))).toEqual([]);
});

test("no plugin imports another plugin, the kernel or the registry", () => {
  const crossing = (to: string, { path }: Source) => {
    const own = path.split("/").slice(0, 2).join("/");
    return (
      /^(kernel\/|registry\/|tests\/|@pincer\/kernel)/.test(to) ||
      (to.startsWith("plugins/") && !to.startsWith(`${own}/`)) ||
      to.startsWith("plugin-sdk/")
    );
  };
  expect(offending(shipped("plugins/"), crossing)).toEqual([]);
});

test("nothing that ships imports a test or the testing half of the SDK", () => {
  const testing = (to: string) => to.includes(".test.") || to.startsWith("tests/") || to.startsWith("@pincer/plugin-sdk/testing");
  expect(
    offending(
      sources.filter(({ isTest, path }) => !isTest && !path.startsWith("plugin-sdk/testing/")),
      testing,
    ),
  ).toEqual([]);
});

test("rooms of the kernel do not import each other in a circle", () => {
  const edges = new Map<string, Set<string>>();
  for (const source of shipped("kernel/")) {
    for (const { specifier, typeOnly } of importsOf(source)) {
      const to = target(source, specifier);
      if (typeOnly || !to.startsWith("kernel/")) continue;
      edges.set(source.path, (edges.get(source.path) ?? new Set()).add(to));
    }
  }
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]) => {
    if (trail.includes(file)) return void circles.push([...trail.slice(trail.indexOf(file)), file].join(" -> "));
    if (done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of edges.keys()) visit(file, []);
  expect(circles).toEqual([]);
});
