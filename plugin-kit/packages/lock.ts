/** The packages that a plugin's `bun.lock` names, each a version of the registry with its checksum: anything else in one is refused. */
import { errorMessage } from "@pincer/plugin-sdk/error";
import { isObject, type Json, type JsonObject } from "@pincer/plugin-sdk/json5";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { type Checksum, strongestOf } from "./integrity.ts";

export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly checksum: Checksum;
}

export interface Lock {
  /** A `package.json` that wants what the lock has, and nothing else. */
  readonly manifest: JsonObject;
  readonly packages: readonly LockedPackage[];
  /** Each as it is written, by the path that it has among those that it lies inside of. */
  readonly entries: JsonObject;
  /** The lock written anew: of what the text says twice, or behind its end, an installer might take the other. */
  readonly text: string;
}

const version = /^((?:@[\w~][\w.~-]*\/)?[\w~][\w.~-]*)@(\d+\.\d+\.\d+[\w.+-]*)$/;

/** A range of versions, or one of a package of another name: nothing that is looked for elsewhere. */
const range = /^(npm:(@[\w.~-]+\/)?[\w.~-]+@)?[^:/\\]*$/;

/** Of the path that a package has among those that it lies inside of. Nobody's are longer, and who looks around a deeper one is busy for minutes. */
const longestPath = 500;
const kinds = ["dependencies", "optionalDependencies", "peerDependencies", "devDependencies", "overrides"] as const;

/** Enough for thousands of packages. A gateway reads it whole. */
const longestLock = 2 ** 20;

/** What a lock says, as Bun reads it. Throws what it has to say of a text that is none, or is too long. */
function lockIn(text: string): JsonObject {
  if (text.length > longestLock) throw new RangeError(`expected at most ${longestLock} characters, came ${text.length}`);
  try {
    const lock = Bun.JSONC.parse(text) as Json;
    return isObject(lock) ? lock : {};
  } catch (error) {
    throw error instanceof RangeError ? new RangeError("it is nested deeper than anybody's") : error;
  }
}

/** How many packages a lock names, of anybody's; none of what cannot be read. */
export function countPackages(text: string): number {
  try {
    const { packages } = lockIn(text);
    return isObject(packages) ? Object.keys(packages).length : 0;
  } catch {
    return 0; // silent-ok: whoever installs from it says what is wrong with it
  }
}

/** `file`: for people. Throws `PLUGIN_INSTALL_FAILED`. */
export function readLock(file: string, text: string): Lock {
  const refuse = refusal(file);
  let lock: JsonObject;
  let written: string;
  try {
    lock = lockIn(text);
    written = JSON.stringify(lock);
  } catch (error) {
    throw refuse(`nothing that can be read (${errorMessage(error)})`);
  }
  const { workspaces = {}, packages = {}, patchedDependencies, overrides = {} } = lock;
  if (patchedDependencies !== undefined) throw refuse("patches");
  const { "": root = {}, ...others } = isObject(workspaces) ? workspaces : {};
  const [folder] = Object.keys(others);
  if (folder !== undefined) throw refuse(`the workspace ${folder}`);
  const wanted: JsonObject = { ...(isObject(root) ? root : {}), overrides };
  for (const kind of kinds)
    for (const [name, spec] of Object.entries(isObject(wanted[kind]) ? wanted[kind] : {}))
      if (typeof spec !== "string" || !range.test(spec)) throw refuse(`${name}: ${JSON.stringify(spec)}`);
  const found = new Map<string, LockedPackage>();
  const entries = isObject(packages) ? packages : {};
  for (const [name, entry] of Object.entries(entries)) {
    const [what, from, , hash] = Array.isArray(entry) ? (entry as readonly Json[]) : [];
    const [, called, at] = (typeof what === "string" && version.exec(what)) || [];
    if (name.length > longestPath) throw refuse(`${name}, inside of more packages than anybody's are`);
    if (called === undefined) throw refuse(`${name}: ${JSON.stringify(what)}`);
    if (from !== "") throw refuse(`${name} from ${JSON.stringify(from)}, where the registry is the operator's to choose`);
    const checksum = typeof hash === "string" ? strongestOf(hash) : undefined;
    if (!checksum) throw refuse(`${name} without a checksum`);
    found.set(`${called}@${at}`, { name: called, version: at!, checksum });
  }
  const manifest = Object.fromEntries(["name", ...kinds].flatMap((key) => (wanted[key] === undefined ? [] : [[key, wanted[key]]])));
  return { manifest, packages: [...found.values()], entries, text: written };
}

/** Throws `PLUGIN_INSTALL_FAILED` when `package.json` wants anything else than the lock was made for. */
export function checkWanted(file: string, { manifest }: Lock, dependencies: unknown): void {
  if (Bun.deepEquals(manifest["dependencies"] ?? {}, dependencies)) return;
  throw refusal(file)('other dependencies than package.json (run "bun install" there, and ship both)');
}

const refusal = (file: string) => (what: string) =>
  pluginErrors.PLUGIN_INSTALL_FAILED(
    `${file} names ${what.slice(0, 300)}: a plugin's packages are versions of the registry, each with its checksum`,
  );
