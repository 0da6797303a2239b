/** A home of the CLI in which the registry of a shop is configured. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CliHome, createCliHome } from "./cli.ts";
import type { Shop } from "./packages.ts";

export function homeWith(shop: Shop, config: object = {}, env: Readonly<Record<string, string>> = {}): CliHome {
  const home = createCliHome(env);
  mkdirSync(home.path, { recursive: true });
  const client = { config: { registries: [shop.registry], ...config }, enabled: true };
  writeFileSync(join(home.path, "pincer.json5"), `// mine\n${JSON.stringify({ plugins: { "registry-client": client } }, null, 2)}\n`);
  return home;
}
