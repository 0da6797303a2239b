/**
 * The SDK as it is published: JavaScript with type declarations, and under `testing/` the test kit together with the gateway and the plugins that
 * it runs, bundled, so that a plugin's tests need nothing but this one package.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { buildDefaultSet } from "./build.ts";
import { installDependencies, needsDependencies } from "./install.ts";
import { compileSdk, publicSubpaths, type SdkPackage } from "./sdk-declarations.ts";

interface SdkStage {
  readonly repository: string;
  /** Empty or absent. */
  readonly stage: string;
  /** Absolute folders of the plugins that the gateway of the tests has. */
  readonly plugins: readonly string[];
}

/** Fills the folder with what is published, and nothing else. */
export async function stageSdk({ repository, stage, plugins }: SdkStage): Promise<void> {
  const sdk = join(repository, "plugin-sdk");
  const manifest = JSON.parse(readFileSync(join(sdk, "package.json"), "utf8")) as SdkPackage;
  const subpaths = publicSubpaths(sdk, manifest);
  const isTesting = (file: string) => file.startsWith("testing/");
  using compiled = await compileSdk(repository);
  for (const file of readdirSync(compiled.path, { recursive: true, encoding: "utf8" })) {
    const isWanted = /\.d\.ts$/.test(file) || (/\.js$/.test(file) && !isTesting(file));
    if (!isWanted || file.startsWith("wire-types/")) continue;
    mkdirSync(dirname(join(stage, file)), { recursive: true });
    cpSync(join(compiled.path, file), join(stage, file));
  }

  const kit = join(stage, "testing", "kit");
  const all = [...plugins, ...foldersIn(join(sdk, "testing", "plugins"))];
  for (const folder of all.filter(needsDependencies)) await installDependencies(folder, () => undefined);
  const entries = subpaths.filter(({ file }) => isTesting(file)).map(({ file }) => join(sdk, `${file}.ts`));
  await buildDefaultSet({ out: kit, entries: [...entries, join(repository, "store", "writer.ts")], plugins: all });
  for (const folder of all) {
    const to = join(kit, "plugins", basename(folder));
    mkdirSync(to, { recursive: true });
    cpSync(join(folder, "plugin.json"), join(to, "plugin.json"));
  }

  const exports = Object.fromEntries(
    subpaths.map(({ subpath, file }) => {
      const code = isTesting(file) ? `./testing/kit/${basename(file)}.js` : `./${file}.js`;
      return [subpath, { types: `./${file}.d.ts`, default: code }];
    }),
  );
  const { publicExports: _, ...kept } = manifest;
  // What runs a plugin in a process is bundled with it, by the kit here as by a gateway; without types, since it is for nobody to import.
  const child = { "./runtime/child": "./runtime/child.js", "./runtime/bundler": "./runtime/bundler.js" };
  const published = { ...kept, exports: { ...exports, ...child, "./package.json": "./package.json" }, engines: { bun: ">=1.4.5" } };
  writeFileSync(join(stage, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
  for (const name of ["LICENSE", join("plugin-sdk", "api.md"), join("plugin-sdk", "README.md")])
    cpSync(join(repository, name), join(stage, basename(name)));
}

const foldersIn = (path: string): readonly string[] =>
  readdirSync(path)
    .map((name) => join(path, name))
    .filter((folder) => existsSync(join(folder, "plugin.json")));
