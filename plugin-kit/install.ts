/**
 * A plugin's third-party code: what its own lock names, each a version of the registry with its checksum, and no script of it is run. It is fetched
 * beside the plugin's folder, in which a plugin could say where from and where to (`bunfig.toml`, `.npmrc`), and put there when it is whole.
 */
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { isObject, type Json, type JsonObject, jsonOf, parseJson5 } from "@pincer/plugin-sdk/json5";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";

/** Whether the plugin has dependencies that are not in its folder. */
export function needsDependencies(folder: string): boolean {
  const file = join(folder, "package.json");
  if (!existsSync(file)) return false;
  const { dependencies = {} } = JSON.parse(readFileSync(file, "utf8")) as { dependencies?: Record<string, string> };
  return Object.keys(dependencies).some((name) => !existsSync(join(folder, "node_modules", name)));
}

/** Variables that an installation may see: where things are, and the way to the registry. */
const passed =
  /^(PATH|HOME|TMPDIR|USERPROFILE|SYSTEMROOT|XDG_CACHE_HOME|BUN_INSTALL\w*|BUN_CONFIG_REGISTRY|(HTTPS?|NO|ALL)_PROXY|SSL_CERT_FILE|NODE_EXTRA_CA_CERTS)$/i;

const version = /^(@[\w.~-]+\/)?[\w.~-]+@\d+\.\d+\.\d+[\w.+-]*$/;
const checksum = /^sha(256|384|512)-[A-Za-z0-9+/]+={0,2}$/;

/** A range of versions, or one of a package of another name: nothing that is looked for elsewhere. */
const range = /^(npm:(@[\w.~-]+\/)?[\w.~-]+@)?[^:/\\]*$/;
const kinds = ["dependencies", "optionalDependencies", "peerDependencies", "devDependencies", "overrides"] as const;

/** What is to be installed, as the lock has it. Throws `PLUGIN_INSTALL_FAILED` for anything but versions of the registry, each with its checksum. */
function wantedBy(file: string, text: string, dependencies: unknown): JsonObject {
  const refuse = (what: string) =>
    pluginErrors.PLUGIN_INSTALL_FAILED(`${file} names ${what}: a plugin's packages are versions of the registry, each with its checksum`);
  let lock: Json;
  try {
    lock = jsonOf(parseJson5(text));
  } catch (error) {
    throw refuse(`nothing that can be read (${errorMessage(error)})`);
  }
  const { workspaces = {}, packages = {}, patchedDependencies, overrides = {} } = isObject(lock) ? lock : {};
  if (patchedDependencies !== undefined) throw refuse("patches");
  const { "": root = {}, ...others } = isObject(workspaces) ? workspaces : {};
  const [folder] = Object.keys(others);
  if (folder !== undefined) throw refuse(`the workspace ${folder}`);
  const wanted: JsonObject = { ...(isObject(root) ? root : {}), overrides };
  for (const kind of kinds)
    for (const [name, spec] of Object.entries(isObject(wanted[kind]) ? wanted[kind] : {}))
      if (typeof spec !== "string" || !range.test(spec)) throw refuse(`${name}: ${JSON.stringify(spec)}`);
  if (!Bun.deepEquals(wanted["dependencies"] ?? {}, dependencies))
    throw refuse('other dependencies than package.json (run "bun install" there, and ship both)');
  for (const [name, entry] of Object.entries(isObject(packages) ? packages : {})) {
    const [what, from, , hash] = Array.isArray(entry) ? (entry as readonly Json[]) : [];
    if (typeof what !== "string" || !version.test(what)) throw refuse(`${name}: ${JSON.stringify(what)}`);
    if (from !== "") throw refuse(`${name} from ${JSON.stringify(from)}, where the registry is the operator's to choose`);
    if (typeof hash !== "string" || !checksum.test(hash)) throw refuse(`${name} without a checksum`);
  }
  return Object.fromEntries(["name", ...kinds].flatMap((key) => (wanted[key] === undefined ? [] : [[key, wanted[key]]])));
}

/** Into the plugin's folder, at once when nothing is missing. Throws `PLUGIN_INSTALL_FAILED` with what the installer said last. */
export async function installDependencies(folder: string, onProgress: (line: string) => void): Promise<void> {
  if (needsDependencies(folder)) await fetchDependencies(folder, onProgress, (packages) => place(packages, join(folder, "node_modules")));
}

/** The plugin's lock, which says of its packages all that there is to say. */
export function lockOf(folder: string): { readonly file: string; readonly text: string } {
  const file = join(folder, "bun.lock");
  if (!existsSync(file))
    throw pluginErrors.PLUGIN_INSTALL_FAILED(`${folder} has dependencies and no bun.lock: run "bun install" there, and ship both`);
  return { file, text: readFileSync(file, "utf8") };
}

/** Hands over the folder in which the packages are whole, until `use` has returned. */
export async function fetchDependencies(
  folder: string,
  onProgress: (line: string) => void,
  use: (packages: string) => void,
): Promise<void> {
  const { file: lock, text: locked } = lockOf(folder);
  const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { readonly dependencies: unknown };
  const wanted = wantedBy(lock, locked, dependencies);
  const stage = mkdtempSync(join(tmpdir(), "pincer-install-"));
  try {
    writeFileSync(join(stage, "package.json"), JSON.stringify(wanted));
    writeFileSync(join(stage, "bun.lock"), locked);
    await install(stage, folder, onProgress);
    use(join(stage, "node_modules"));
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

async function install(stage: string, folder: string, onProgress: (line: string) => void): Promise<void> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => passed.test(name)));
  const command = [process.execPath, "install", "--frozen-lockfile", "--ignore-scripts", "--production"];
  const installer = Bun.spawn(command, { cwd: stage, env: { ...env, BUN_BE_BUN: "1" }, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const said: string[] = [];
  const follow = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      for (const line of decoder
        .decode(chunk, { stream: true })
        .split(/[\r\n]+/)
        .filter(Boolean)) {
        said.push(line);
        onProgress(line);
      }
    }
  };
  await Promise.all([follow(installer.stdout), follow(installer.stderr), installer.exited]);
  if (installer.exitCode !== 0)
    throw pluginErrors.PLUGIN_INSTALL_FAILED(
      `bun install of what ${folder} needs ended with ${installer.exitCode}: ${said.slice(-5).join("; ")}`,
    );
}

/** What is there already stays: an author has linked some of it. */
function place(from: string, to: string): void {
  for (const name of packagesIn(from)) {
    const target = join(to, name);
    // A link would lead the packages elsewhere.
    for (const folder of [to, dirname(target)])
      if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() === false)
        throw pluginErrors.PLUGIN_INSTALL_FAILED(`${folder} is no folder: remove it`);
    if (lstatSync(target, { throwIfNoEntry: false })) continue;
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(from, name), target, { recursive: true, verbatimSymlinks: true });
  }
}

/** The names of the packages in a folder of them. */
export const packagesIn = (folder: string): readonly string[] =>
  readdirSync(folder).flatMap((name) => (name.startsWith("@") ? readdirSync(join(folder, name)).map((part) => join(name, part)) : [name]));
