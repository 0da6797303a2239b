/** Imports a plugin's code, and says where it broke. */
import { isAbsolute, join, relative, sep } from "node:path";
import type { PluginDefinition } from "@pincer/plugin-sdk";
import { errorMessage, type GatewayError, isGatewayError } from "@pincer/plugin-sdk/error";
import { pluginErrors } from "./errors.ts";

/**
 * The plugin's definition. `fresh` reads its files again: the module cache forgets everything below the folder but third-party code, and the same
 * path is imported, since a new path for each version would be kept for ever.
 */
export async function importPlugin(folder: string, entry: string, fresh: boolean): Promise<PluginDefinition> {
  const path = isAbsolute(entry) ? entry : join(folder, entry);
  if (fresh)
    for (const key of Object.keys(require.cache))
      if (key.startsWith(folder + sep) && !key.includes(`${sep}node_modules${sep}`)) delete require.cache[key];
  const { default: definition } = (await import(path)) as { readonly default?: PluginDefinition };
  if (typeof definition?.setup === "function") return definition;
  throw pluginErrors.PLUGIN_LOAD_FAILED(
    `${path}: expected the default export to be definePlugin({ setup, ... }), came ${typeof definition}`,
  );
}

/** As `PLUGIN_LOAD_FAILED` with file, line and reason; what the plugin or the host said on purpose keeps its code. */
export function loadFailure(id: string, folder: string, error: unknown): GatewayError {
  if (isGatewayError(error) && error.code !== "PLUGIN_FAULT") return error;
  const thrown = isGatewayError(error) ? error.cause : error;
  const place = placeOf(thrown, folder);
  const reason = errorMessage((thrown as AggregateError | undefined)?.errors?.[0] ?? thrown);
  const at = place ? `${place.file}:${place.line}:${place.column}: ` : "";
  return pluginErrors.PLUGIN_LOAD_FAILED(`${id} did not start: ${at}${reason}`, { cause: thrown, data: { plugin: id, reason, ...place } });
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
  for (const [, file = "", line, column] of (error instanceof Error ? (error.stack ?? "") : "").matchAll(/\(?([^\s()]+):(\d+):(\d+)\)?$/gm))
    if (file.startsWith(folder + sep)) return { file: relative(folder, file), line: Number(line), column: Number(column) };
  return undefined;
}
