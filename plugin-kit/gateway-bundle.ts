/**
 * The bundle that Pincer runs from. What every command runs, what every start runs and what the first turn runs are a file each, with its bytecode beside
 * it, so that no start looks for eighty files and parses them. Bun takes bytecode of CommonJS alone: chunks that are put together become that, and each leaves a door to
 * itself in its place, through which everything else in the bundle finds it.
 */
import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { BuildConfig } from "bun";
import { buildDefaultSet, bundled, type DefaultSet } from "./build.ts";

interface GatewayBundle extends Omit<DefaultSet, "entries"> {
  /** With the sources of Pincer. */
  readonly repository: string;
}

interface Together {
  /** Of the file without its end, in the folder of the bundle. */
  readonly name: string;
  /** Files there; with them goes what they import at once. */
  readonly entries: readonly string[];
  /** Those of the entries that are plugins. */
  readonly plugins: readonly string[];
  readonly compiling: Compiling | undefined;
  /** The first entry of another one: whoever imports that goes there at once, without another thread that looks for its door. */
  readonly next?: { readonly file: string; readonly name: string };
}

type Compiling = Pick<BuildConfig, "bytecode" | "bytecodeDepth" | "minify">;

/** Of the default set, what is active behind the first turn, and was not before it. */
export const wokenByTurns: readonly string[] = ["agent", "approvals", "budgets", "models", "routing", "skills", "tools-exec"];

export async function buildGateway({ repository, ...set }: GatewayBundle): Promise<void> {
  const { out } = set;
  const entries = ["main", "gateway"].map((name) => join(repository, "kernel", "cli", `${name}.ts`));
  const plugins = await buildDefaultSet({ ...set, entries });
  // What is published is to stay small: bytecode of functions too is three times as much, and to parse what is none of a start's takes 8 ms at most.
  const [compiling, plainly]: readonly Compiling[] = set.isSmallest
    ? [
        { bytecodeDepth: 0, minify: true },
        { bytecode: false, minify: true },
      ]
    : [];
  const known = await putTogether(out, {
    name: "command",
    entries: ["main.js"],
    plugins: [],
    compiling: plainly,
    next: { file: "gateway.js", name: "start" },
  });
  const started = await putTogether(out, { name: "start", entries: ["gateway.js", ...plugins], plugins, compiling }, known);
  const given = new Set(set.plugins.map((folder) => `${basename(folder)}.js`));
  const woken = wokenByTurns.map((id) => `${id}.js`).filter((file) => given.has(file));
  await putTogether(out, { name: "turn", entries: woken, plugins: woken, compiling: plainly }, new Map([...known, ...started]));
  // A thread, and a process of its own, that share no code with anybody.
  const apart = ["store/writer.ts", "registry/scan/scanner.ts"].map((file) => join(repository, file));
  await compiled(out, { entrypoints: apart, naming: "[name].js", ...plainly });
}

interface Door {
  /** The code that comes to a chunk where it is now. */
  readonly door: string;
  readonly exports: readonly string[];
}
/** By chunk. */
type Doors = ReadonlyMap<string, Door>;

const doorOf = (whole: string, place: number): string => `require("./${whole}")._${place}`;

/** Answers with the doors to what was put together. What is behind `others` stays where it is. */
async function putTogether(
  folder: string,
  { name, entries, plugins, compiling, next }: Together,
  others: Doors = new Map(),
): Promise<Doors> {
  const doors = new Map<string, Door>();
  const whole = `${name}.js`;
  const scanner = new Bun.Transpiler({ loader: "js" });
  const add = (file: string): void => {
    if (doors.has(file) || others.has(file)) return;
    const { imports, exports } = scanner.scan(readFileSync(join(folder, file), "utf8"));
    doors.set(file, { door: doorOf(whole, doors.size), exports });
    for (const { kind, path } of imports) if (kind === "import-statement" && path.startsWith("./")) add(path.slice(2));
  };
  for (const file of entries) add(file);
  const source = join(folder, `${name}.ts`);
  await writeFile(source, [...doors.keys()].map((file, place) => `export * as _${place} from "./${file}";\n`).join(""));
  const outside: Bun.BunPlugin = {
    name: "what stays outside",
    setup(build) {
      if (next)
        build.onLoad({ filter: /\/[^/]+\.js$/ }, ({ path }) => ({
          contents: readFileSync(path, "utf8").replaceAll(
            `import("./${next.file}")`,
            `Promise.try(() => import.meta.${doorOf(`${next.name}.js`, 0)})`,
          ),
          loader: "js",
        }));
      build.onResolve({ filter: /^\.\/[^/]+\.js$/ }, ({ path }) => {
        const file = path.slice(2);
        if (doors.has(file)) return undefined;
        return others.has(file) ? { path: file, namespace: "door" } : { path, external: true };
      });
      // Each door that lies in a file of its own is another one to look for. What is behind it has run, and is bound once: a start asks thousands of times.
      build.onLoad({ filter: /./, namespace: "door" }, ({ path }) => ({
        contents: `export const { ${others.get(path)!.exports.join(", ")} } = import.meta.${others.get(path)!.door};`,
        loader: "js",
      }));
    },
  };
  await compiled(folder, { entrypoints: [source], naming: whole, plugins: [outside], ...compiling });
  await rm(source);
  for (const [file, { door }] of doors) {
    // Of CommonJS, whoever imports a plugin would be given all that it exports as its default.
    const module = plugins.includes(file)
      ? `// @bun\nexport default import.meta.${door}.default;\n`
      : `// @bun @bun-cjs\n(function(exports,require,module){module.exports=${door}})\n`;
    await writeFile(join(folder, file), module);
  }
  return doors;
}

/** The bundler would write down where the code was, not where it is. */
const define = { "import.meta.dir": "module.path", "import.meta.path": "module.filename", "import.meta.require": "require" };

async function compiled(folder: string, config: BuildConfig): Promise<void> {
  for (const artifact of await bundled("the gateway", folder, { bytecode: true, ...config, format: "cjs", define }))
    await Bun.write(join(folder, artifact.path), artifact);
}
