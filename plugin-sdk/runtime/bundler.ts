/**
 * Makes the two files of a plugin in a process of its own: what runs it there, which is the same for all, and the plugin with what it imports of the
 * SDK. To bundle a source is to run its macros and to read whatever it imports: of a plugin that nobody trusts it is done in a sandbox.
 */
import { resolve } from "node:path";
import type { BuildMetafile } from "bun";

export interface Source {
  readonly folder: string;
  readonly entry: string;
  /** Folders of the gateway's own SDK, and of its TypeBox: there is one of each, wherever the plugin lies. */
  readonly sdk: string;
  readonly typebox: string;
}

export interface Bundle {
  readonly text: string;
  /** Puts the places of its own source into the stacks of errors; Bun looks for it beside the text, and only when there is one. */
  readonly map?: string;
  readonly bytecode?: Uint8Array;
  /** That are in it; absent when that is not known. */
  readonly files?: readonly string[];
}

/** Where the plugin finds the runtime's TypeBox, which is most of what a bundle would hold and is read while that is made. */
const own = 'globalThis[Symbol.for("pincer.typebox")]';

/** What runs a plugin. */
export async function bundleRuntime({ sdk, typebox }: Pick<Source, "sdk" | "typebox">): Promise<Bundle> {
  const [child, types] = [Bun.resolveSync("@pincer/plugin-sdk/runtime/child", sdk), Bun.resolveSync("@sinclair/typebox", typebox)];
  const wrapper = `${sdk}/.pincer-process.ts`;
  const start = `import { runChild } from ${JSON.stringify(child)};
import * as typebox from ${JSON.stringify(types)};
${own} = typebox;
void runChild();
`;
  // It is read at each start: with its bytecode beside it, in two thirds of the time.
  const compiled = { format: "cjs", bytecode: true } as const;
  const { outputs, metafile } = await Bun.build({ ...shared, ...compiled, entrypoints: [wrapper], files: { [wrapper]: start } });
  const [text, bytecode] = await Promise.all([outputs[0]!.text(), outputs[1]!.arrayBuffer()]);
  return { text, bytecode: new Uint8Array(bytecode), files: inputsOf(metafile).filter((file) => file !== wrapper) };
}

/** The plugin. Rejects as `Bun.build` does. One that uses TypeBox's inner parts has all of it for itself, since what is registered in one is not in another. */
export async function bundleSource({ folder, entry, sdk, typebox }: Source, hasOwnTypes = false): Promise<Bundle> {
  let isWithin = true;
  const { outputs, metafile } = await Bun.build({
    ...{ ...shared, entrypoints: [`${folder}/${entry}`], sourcemap: "external" },
    plugins: [
      {
        name: "one SDK",
        setup(build) {
          build.onResolve({ filter: /^@pincer\/plugin-sdk(\/|$)/ }, ({ path }) => ({ path: Bun.resolveSync(path, sdk) }));
          build.onResolve({ filter: /^@sinclair\/typebox(\/|$)/ }, ({ path }) => {
            isWithin &&= path === "@sinclair/typebox";
            return hasOwnTypes || !isWithin ? { path: Bun.resolveSync(path, typebox) } : { path, namespace: "runtime" };
          });
          build.onLoad({ filter: /^/, namespace: "runtime" }, () => ({ contents: `module.exports = ${own};`, loader: "js" }));
        },
      },
    ],
  });
  if (!isWithin && !hasOwnTypes) return bundleSource({ folder, entry, sdk, typebox }, true);
  const [text, map] = await Promise.all(outputs.map((output) => output.text()));
  return { text: text!, map: withPlaces(map!), files: inputsOf(metafile) };
}

const shared = { target: "bun", format: "esm", minify: { whitespace: true, syntax: true }, metafile: true } as const;

const inputsOf = (metafile: BuildMetafile | undefined) =>
  Object.keys(metafile?.inputs ?? {}).flatMap((file) => (file.startsWith("runtime:") ? [] : [resolve(file)]));

/** As absolute paths, without what stands there; Bun reads no map that leaves that out. */
function withPlaces(map: string): string {
  const { sources, ...rest } = JSON.parse(map) as { readonly sources: readonly string[] };
  return JSON.stringify({ ...rest, sources: sources.map((source) => resolve(source)), sourcesContent: sources.map(() => "") });
}

/** In characters. */
const longest = 4_096;

/** What is said in place of a bundle, as the last line. */
interface BundleFailure {
  readonly message: string;
  readonly position?: { readonly file: string; readonly line: number; readonly column: number };
}

/** The program in the sandbox. Its last line is the map and names the files; when it fails, the last line of its complaint is the reason. */
export async function sayBundle(source: Source): Promise<void> {
  try {
    const { text, ...rest } = await bundleSource(source);
    await Bun.write(Bun.stdout, `${text}\n${JSON.stringify(rest)}`);
  } catch (error) {
    const first = ((error as AggregateError).errors?.[0] ?? error) as Error & BundleFailure;
    const { file = "", line = 0, column = 0 } = first.position ?? {};
    const failure: BundleFailure = {
      message: String(first.message).slice(0, longest),
      ...(first.position && { position: { file, line, column } }),
    };
    await Bun.write(Bun.stderr, `\n${JSON.stringify(failure)}`);
    process.exitCode = 1;
  }
}

/** More files than the largest packages have; each is looked at. */
const mostFiles = 20_000;
const mostChars = 16_000_000;

/** What was made there. Nothing is believed of it but that it is text; files count only where they may lie, and when they can be looked at. */
export function bundleFrom(said: string, { folder, sdk, typebox }: Source): Bundle {
  const end = said.lastIndexOf("\n");
  try {
    if (said.length - end > mostChars) return { text: said };
    const { map, files } = JSON.parse(said.slice(end + 1)) as { readonly map: unknown; readonly files: readonly unknown[] };
    const named = new Set(files.map((file) => resolve(String(file))));
    if (named.size > mostFiles) return { text: said };
    const isWithin = (file: string) => [folder, sdk, typebox].some((place) => file.startsWith(`${place}/`));
    return { text: said.slice(0, end), map: String(map), files: [...named].filter(isWithin) };
  } catch {
    return { text: said }; // silent-ok: the source said something, too
  }
}

/** What was thrown there: nothing is believed of it but that it is text, and a place. */
export function failureFrom(complaint: string): Error {
  const last =
    complaint
      .slice(-4 * longest)
      .split("\n")
      .at(-1) ?? "";
  try {
    const { message, position: { file, line, column } = {} } = JSON.parse(last) as { message: unknown; position?: Record<string, unknown> };
    const position =
      typeof file === "string" ? { position: { file: file.slice(0, longest), line: Number(line), column: Number(column) } } : {};
    return Object.assign(new Error(String(message).slice(0, longest)), position satisfies Partial<BundleFailure>);
  } catch {
    return new Error(complaint.slice(-longest) || "the bundler said nothing"); // silent-ok: it broke before it could say why
  }
}
