/**
 * Pincer as it is published: the launcher, one bundle of the CLI, the gateway and the default set, the repository's other plugins as they are, and
 * what plugins are bundled with where they run. Nothing of it is built, fetched or changed where it is used.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import { filesOf } from "./archive.ts";
import { bundled } from "./build.ts";
import { type IndexEntry, indexEntry, readIndex, writeIndex } from "./bundle-index.ts";
import { packageOf } from "./create.ts";
import { buildGateway } from "./gateway-bundle.ts";
import { installDependencies, needsDependencies } from "./install.ts";
import { nameContents } from "./own-copy.ts";
import { gatewayFolder } from "./published.ts";
import { compileSdk, type SdkPackage } from "./sdk-declarations.ts";

interface PincerStage {
  readonly repository: string;
  /** Empty or absent. */
  readonly stage: string;
  /** Ids of the plugins that are bundled. */
  readonly defaults: readonly string[];
}

interface Package {
  readonly version: string;
  readonly description?: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly engines?: object;
}

const readPackage = (folder: string): Package => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Package;

/** Fills the folder with what is published, and nothing else. */
export async function stagePincer({ repository, stage, defaults }: PincerStage): Promise<void> {
  await stageSdkCode(repository, join(stage, "node_modules", "@pincer", "plugin-sdk"));
  await stageTypeBox(repository, join(stage, "node_modules", "@sinclair", "typebox"));
  const [{ version, description, license }, { engines }] = [readPackage(repository), readPackage(join(repository, "kernel"))];
  const about = { name: "pincer", version, description, license, type: "module", engines, bin: { pincer: "pincer" } };
  // npm removes packages that nobody named; and of a name among the dependencies Bun asks the registry, where it may be anybody's.
  write(stage, "package.json", { ...about, bundleDependencies: ["@pincer/plugin-sdk", "@sinclair/typebox"] });
  for (const name of ["pincer", "README.md", "LICENSE"]) cpSync(join(repository, name), join(stage, name));
  // Many an error names a page.
  for (const folder of ["docs", "skills"])
    if (existsSync(join(repository, folder))) copyFiles(join(repository, folder), join(stage, folder));

  const source = (id: string) => join(repository, "plugins", id);
  const staged = (id: string) => join(stage, "plugins", id);
  const ids = readdirSync(join(repository, "plugins")).filter((id) => existsSync(join(source(id), "plugin.json")));
  const isDefault = (id: string) => defaults.includes(id);
  const others = ids.filter((id) => !isDefault(id));
  for (const id of others) copyFiles(source(id), staged(id));
  const plugins: string[] = [];
  for (const id of ids.filter(isDefault)) {
    if (needsDependencies(source(id))) await installDependencies(source(id), () => undefined);
    mkdirSync(staged(id), { recursive: true });
    const isWithin = await stageDefault(source(id), staged(id));
    plugins.push(isWithin ? staged(id) : source(id));
  }
  await buildGateway({ repository, out: join(stage, gatewayFolder), plugins, others: others.map(staged), isSmallest: true });
  compactManifests(stage, ids.filter(isDefault));
  write(
    stage,
    "LICENSES-OF-OTHERS",
    licensesOf([join(repository, "kernel"), join(repository, "registry"), ...ids.filter(isDefault).map(source)]),
  );
  const own = join(repository, "plugin-kit", "own-copy.ts");
  for (const artifact of await bundled("the copier", dirname(own), { entrypoints: [own], minify: true }))
    write(stage, "dist/own-copy.js", await artifact.text());
  nameContents(stage);
}

/** A plugin of the default set: its manifest, and when it runs in a process of its own its code, with everything but the SDK. Answers whether it has that. */
async function stageDefault(folder: string, to: string): Promise<boolean> {
  const manifest = JSON.parse(readFileSync(join(folder, "plugin.json"), "utf8")) as Manifest;
  if (manifest.isolation !== "process") {
    cpSync(join(folder, "plugin.json"), join(to, "plugin.json"));
    return false;
  }
  const external = ["@pincer/plugin-sdk", "@sinclair/typebox"].flatMap((name) => [name, `${name}/*`]);
  const entry = "plugin.js";
  const [code] = await bundled(manifest.id, folder, { entrypoints: [join(folder, manifest.entry)], external, minify: true });
  writeFileSync(join(to, entry), await code!.text());
  write(to, "plugin.json", { ...manifest, entry });
  return true;
}

/** Of what has no other source there, a manifest is for the gateway alone to read: a third of its text is blanks. */
function compactManifests(stage: string, ids: readonly string[]): void {
  const index: Record<string, IndexEntry> = { ...readIndex(join(stage, gatewayFolder)) };
  for (const id of ids) {
    const manifest = join(stage, "plugins", id, "plugin.json");
    const text = JSON.stringify(JSON.parse(readFileSync(manifest, "utf8")));
    writeFileSync(manifest, text);
    index[id] = { ...index[id]!, ...indexEntry(text) };
  }
  writeIndex(join(stage, gatewayFolder), index);
}

/** Of the packages that the code in these folders holds once it is bundled, and of those that they need. */
function licensesOf(folders: readonly string[]): string {
  const found = new Map<string, string>();
  const add = (name: string, from: string): void => {
    const within = packageOf(name, from);
    if (within === undefined || found.has(within)) return;
    const { version, license = "", dependencies = {} } = readPackage(within);
    const file = readdirSync(within).find((each) => /^licen[cs]e/i.test(each));
    const text = file === undefined ? license : readFileSync(join(within, file), "utf8").trim();
    found.set(within, `${name} ${version}\n\n${text}\n`);
    for (const needed of Object.keys(dependencies)) add(needed, within);
  };
  for (const folder of folders) {
    if (!existsSync(join(folder, "package.json"))) continue;
    const { dependencies, devDependencies } = readPackage(folder);
    const code = filesOf(folder).flatMap(({ path, bytes }) => (/\.tsx?$/.test(path) ? new TextDecoder().decode(bytes) : []));
    const isImported = (name: string) => code.some((text) => text.includes(`from "${name}"`) || text.includes(`from "${name}/`));
    const others = Object.keys({ ...dependencies, ...devDependencies }).filter((name) => !name.startsWith("@pincer/"));
    for (const name of others.filter(isImported)) add(name, folder);
  }
  return [...found.values()].sort().join(`\n${"-".repeat(80)}\n\n`);
}

/** The SDK's code without its test kit and its declarations. */
async function stageSdkCode(repository: string, to: string): Promise<void> {
  const sdk = join(repository, "plugin-sdk");
  const isWanted = (path: string) => !/^(\.\/)?(testing|wire-types)\//.test(path);
  using compiled = await compileSdk(repository);
  const transpiler = new Bun.Transpiler({ loader: "js", minifyWhitespace: true });
  for (const file of readdirSync(compiled.path, { recursive: true, encoding: "utf8" }).sort()) {
    if (!file.endsWith(".js") || !isWanted(file)) continue;
    write(to, file, transpiler.transformSync(readFileSync(join(compiled.path, file), "utf8")));
  }
  const { publicExports: _, exports, ...about } = JSON.parse(readFileSync(join(sdk, "package.json"), "utf8")) as SdkPackage;
  const kept = Object.entries(exports).filter(([path]) => isWanted(path));
  write(to, "package.json", { ...about, exports: Object.fromEntries(kept.map(([path, file]) => [path, file.replace(/\.ts$/, ".js")])) });
  cpSync(join(repository, "LICENSE"), join(to, "LICENSE"));
}

/** TypeBox in one form and without its declarations: a sixth of what its package holds. */
async function stageTypeBox(repository: string, to: string): Promise<void> {
  const package_ = join(repository, "node_modules", "@sinclair", "typebox");
  const root = join(package_, "build", "esm");
  const parts = readdirSync(root)
    .filter((name) => existsSync(join(root, name, "index.mjs")))
    .sort();
  const entrypoints = ["", ...parts].map((part) => join(root, part, "index.mjs"));
  const naming = { entry: "[dir]/[name].js", chunk: "chunk-[hash].js" };
  for (const artifact of await bundled("TypeBox", root, { entrypoints, root, splitting: true, naming, minify: true }))
    write(to, artifact.path, await artifact.text());
  const { version, license } = readPackage(package_);
  const exports = Object.fromEntries(
    ["", ...parts].map((part) => [join(".", part) === "." ? "." : `./${part}`, `./${join(part, "index.js")}`]),
  );
  const about = { name: "@sinclair/typebox", version, license, type: "module" };
  write(to, "package.json", { ...about, exports: { ...exports, "./package.json": "./package.json" } });
  cpSync(join(package_, "license"), join(to, "license"));
}

function write(folder: string, path: string, content: string | object): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`);
}

function copyFiles(from: string, to: string): void {
  for (const { path } of filesOf(from)) cpSync(join(from, path), join(to, path), { dereference: true });
}
