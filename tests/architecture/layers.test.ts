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
  const ours = (to: string) => /^(@pincer\/|kernel\/|store\/|plugin-host\/|plugin-kit\/|plugins\/|registry\/|tests\/)/.test(to);
  expect(
    offending(
      shipped("plugin-sdk/").filter(({ path }) => !path.startsWith("plugin-sdk/testing/")),
      ours,
    ),
  ).toEqual([]);
  const beyondKernel = (to: string) => /^(plugin-kit\/|plugins\/|registry\/|tests\/)/.test(to);
  expect(offending(shipped("plugin-sdk/testing/"), beyondKernel)).toEqual([]);
});

test("the kernel imports the SDK, the plugin host, the store and itself, and of third parties only TypeBox; its CLI and its root also the kit", () => {
  const allowed = (to: string, { path }: Source) =>
    to.startsWith("kernel/") ||
    to.startsWith("plugin-host/") ||
    to.startsWith("store/") ||
    (to.startsWith("plugin-kit/") && (path.startsWith("kernel/cli/") || path === "kernel/gateway.ts")) ||
    to === "package.json" ||
    to.startsWith("@pincer/plugin-sdk") ||
    to.startsWith("@sinclair/typebox") ||
    to.startsWith("node:") ||
    to.startsWith("bun");
  expect(offending(shipped("kernel/"), (to, source) => !allowed(to, source))).toEqual([]);
  expect(offending(shipped("kernel/"), (to) => to.startsWith("@pincer/plugin-sdk/testing"))).toEqual([]);
});

test("the plugin host imports the SDK and itself, and of third parties only TypeBox", () => {
  const allowed = (to: string) => /^(plugin-host\/|@pincer\/plugin-sdk(?!\/testing)|@sinclair\/typebox|node:|bun)/.test(to);
  expect(offending(shipped("plugin-host/"), (to) => !allowed(to))).toEqual([]);
});

test("the store imports the SDK and itself", () => {
  const allowed = (to: string) => /^(store\/|@pincer\/plugin-sdk(?!\/testing)|node:|bun)/.test(to);
  expect(offending(shipped("store/"), (to) => !allowed(to))).toEqual([]);
});

test("the kit imports the SDK and itself, and of third parties only TypeBox", () => {
  const allowed = (to: string) => /^(plugin-kit\/|@pincer\/plugin-sdk(?!\/testing)|@sinclair\/typebox|node:|bun)/.test(to);
  expect(offending(shipped("plugin-kit/"), (to) => !allowed(to))).toEqual([]);
});

test("the registry imports itself, TypeBox and the models of TUF, its server Elysia, and only its client's plugin and the CLI import it", () => {
  const allowed = (to: string, { path }: Source) =>
    /^(registry\/|@sinclair\/typebox|@tufjs\/|node:|bun)/.test(to) || (to === "elysia" && path.startsWith("registry/server/"));
  expect(offending(shipped("registry/"), (to, source) => !allowed(to, source))).toEqual([]);
  const mayImport = ({ path }: Source) => /^(registry|plugins\/registry-client|kernel\/cli)\//.test(path);
  expect(
    offending(
      sources.filter((source) => !source.isTest && !mayImport(source)),
      (to) => /^(registry\/|@pincer\/registry)/.test(to),
    ),
  ).toEqual([]);
});

test("no plugin imports another plugin, the kernel, the plugin host, the store, the kit or the registry, whose client's plugin alone imports the last two", () => {
  const crossing = (to: string, { path }: Source) => {
    const own = path.split("/").slice(0, 2).join("/");
    if (own === "plugins/registry-client" && /^@pincer\/(plugin-kit|registry)\//.test(to)) return false;
    return (
      /^(kernel\/|plugin-host\/|store\/|plugin-kit\/|registry\/|tests\/|@pincer\/(kernel|store|plugin-host|plugin-kit))/.test(to) ||
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

test("no file imports another in a circle, types included", () => {
  const edges = new Map<string, Set<string>>();
  for (const source of sources.filter(({ isTest }) => !isTest)) {
    for (const { specifier } of importsOf(source)) {
      if (!specifier.startsWith(".")) continue;
      edges.set(source.path, (edges.get(source.path) ?? new Set()).add(target(source, specifier)));
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
