/** A plugin that does nothing, as a registry may have it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Named {
  readonly id: string;
  readonly version: string;
}

/** By path, the text of each file; `more` besides, or in the place of one of them. */
export const plainPlugin = ({ id, version }: Named, more: Readonly<Record<string, string>> = {}) => ({
  "plugin.json": JSON.stringify({ id, version, sdk: "^0.1.0", summary: `What ${id} does`, entry: "plugin.ts", permissions: {} }),
  "plugin.ts": "export default {};\n",
  ...more,
});

/** Answers with the folder. */
export function writePlainPlugin(folder: string, named: Named, more: Readonly<Record<string, string>> = {}): string {
  mkdirSync(folder, { recursive: true });
  for (const [path, text] of Object.entries(plainPlugin(named, more))) writeFileSync(join(folder, path), text);
  return folder;
}
