import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describeApi } from "./sdk-api.ts";
import { publicSubpaths, type SdkPackage } from "./sdk-declarations.ts";

const repository = join(import.meta.dir, "..");
const sdk = join(repository, "plugin-sdk");
const manifest = JSON.parse(readFileSync(join(sdk, "package.json"), "utf8")) as SdkPackage;

test("the public API is what the file says; bun plugin-kit/sdk-api.ts writes it anew", async () => {
  expect(await describeApi(repository)).toBe(readFileSync(join(sdk, "api.md"), "utf8"));
}, 120_000);

test("what is public is exported, and what runs plugins is not public", () => {
  const subpaths = publicSubpaths(sdk, manifest).map(({ subpath }) => subpath);
  expect(subpaths).toEqual(expect.arrayContaining([".", "./contracts/tool", "./testing/plugin"]));
  expect(subpaths.filter((subpath) => /^\.\/(runtime|wire-types)\/|testing\/gateway|test$/.test(subpath))).toEqual([]);
  const wild = publicSubpaths(sdk, { ...manifest, publicExports: ["./contracts/*"] });
  expect(wild).toHaveLength(readdirSync(join(sdk, "contracts")).filter((name) => name.endsWith(".ts")).length);
  expect(() => publicSubpaths(sdk, { ...manifest, publicExports: ["./nowhere"] })).toThrow("which is no export");
});

test("templates use public subpaths alone", () => {
  const subpaths = new Set(publicSubpaths(sdk, manifest).map(({ subpath }) => join("@pincer/plugin-sdk", subpath)));
  const files = [...new Bun.Glob("templates/**/*.ts").scanSync({ cwd: import.meta.dir })];
  expect(files.length).toBeGreaterThan(10);
  const used = files.flatMap((file) => {
    const text = readFileSync(join(import.meta.dir, file), "utf8");
    return [...text.matchAll(/from "(@pincer\/[^"]+)"/g)].map(([, name = ""]) => `${file}: ${name}`);
  });
  expect(used.filter((line) => !subpaths.has(line.split(": ")[1] ?? ""))).toEqual([]);
});
