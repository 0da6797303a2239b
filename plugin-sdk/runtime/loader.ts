/** Imports a plugin's code, and says where it broke. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import { errorMessage, type GatewayError, isGatewayError } from "../error.ts";
import type { PluginDefinition } from "../plugin.ts";
import { pluginErrors } from "../plugin-errors.ts";

/** Folders whose last import failed. */
const failed = new Set<string>();

/**
 * The plugin's definition. `fresh` reads its files again, at the same paths, since a new path for each version would be kept for ever; third-party
 * code stays as it is.
 */
export async function importPlugin(folder: string, entry: string, fresh: boolean): Promise<PluginDefinition> {
  const path = isAbsolute(entry) ? entry : join(folder, entry);
  if (fresh || failed.has(folder)) {
    const files = filesOf(path);
    // A module that was read but never linked, because another beside it failed, is in no cache that can be emptied until it has been imported.
    if (failed.has(folder)) for (const file of files) await import(file).catch(() => undefined); // silent-ok: the import below tells
    for (const key of Object.keys(require.cache))
      if (key.startsWith(folder + sep) && !key.includes(`${sep}node_modules${sep}`)) delete require.cache[key];
    for (const file of files) delete require.cache[file]; // one that threw is kept, but not listed
  }
  failed.add(folder);
  const { default: definition } = (isAbsolute(entry) ? require(path) : await import(path)) as { readonly default?: PluginDefinition };
  failed.delete(folder);
  if (typeof definition?.setup === "function") return definition;
  throw pluginErrors.PLUGIN_LOAD_FAILED(
    `${path}: expected the default export to be definePlugin({ setup, ... }), came ${typeof definition}`,
  );
}

/** A plugin's own files, each after those that it imports. */
function filesOf(file: string, seen = new Set<string>(), order: string[] = []): readonly string[] {
  if (seen.has(file)) return order;
  seen.add(file);
  try {
    const loader = file.endsWith("x") ? "tsx" : "ts";
    for (const { path } of new Bun.Transpiler({ loader }).scanImports(readFileSync(file, "utf8")))
      if (path.startsWith(".")) filesOf(Bun.resolveSync(path, dirname(file)), seen, order);
  } catch {
    // silent-ok: a file that cannot be read or parsed is told about when it is imported
  }
  order.push(file);
  return order;
}

/** As `PLUGIN_LOAD_FAILED` with file, line and reason; what the plugin or the host said on purpose keeps its code. */
export function loadFailure(id: string, folder: string, error: unknown): GatewayError {
  if (isGatewayError(error) && error.code !== "PLUGIN_FAULT") return error;
  const thrown = isGatewayError(error) ? error.cause : error;
  const { said, ...at } = whyAt(folder, thrown);
  return pluginErrors.PLUGIN_LOAD_FAILED(`${id} did not start: ${said}`, { cause: thrown, data: { plugin: id, ...at } });
}

/** As `PLUGIN_STATE_REFUSED` with file, line and reason; `what` says which generation failed at what. */
export function stateFailure(id: string, what: string, folder: string, error: unknown): GatewayError {
  if (isGatewayError(error)) return error;
  const { said, ...at } = whyAt(folder, error);
  return pluginErrors.PLUGIN_STATE_REFUSED(`${what}: ${said}`, { cause: error, data: { plugin: id, ...at } });
}

/** What was thrown, in words, behind the place of the plugin's own from which it came. */
export function whyAt(folder: string, thrown: unknown) {
  const place = placeOf(thrown, folder);
  const reason = errorMessage((thrown as AggregateError | undefined)?.errors?.[0] ?? thrown);
  return { said: `${place ? `${place.file}:${place.line}:${place.column}: ` : ""}${reason}`, reason, ...place };
}

interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Of the first line of the plugin's own: a build error knows its position, another its stack. */
function placeOf(error: unknown, folder: string): Place | undefined {
  const { position } = ((error as AggregateError | undefined)?.errors?.[0] ?? error ?? {}) as { readonly position?: Place | null };
  if (position) return { file: relative(folder, position.file), line: position.line, column: position.column };
  for (const [, path = "", line, column] of (error instanceof Error ? (error.stack ?? "") : "").matchAll(
    /\(?([^\s()]+):(\d+):(\d+)\)?$/gm,
  )) {
    const file = ownFile(path, folder);
    if (file !== undefined) return { file, line: Number(line), column: Number(column) };
  }
  return undefined;
}

/** Relative to the folder. A bundle may lie, or be seen, at another place: its map then leads to the folder's path, or its end, below that. */
function ownFile(path: string, folder: string): string | undefined {
  if (path.startsWith(folder + sep)) return relative(folder, path);
  const parts = folder.split(sep);
  for (let above = 1; above <= parts.length; above++) {
    const seen = ["", ...parts.slice(above), ""].join(sep);
    const at = path.indexOf(seen);
    const file = path.slice(at + seen.length);
    if (at >= 0 && existsSync(join(folder, file))) return file;
  }
  return undefined;
}
