/** What a minimal installation takes on the disk, without Bun itself. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Part } from "./part.ts";

export const size: Part = async ({ installation: installed }) => {
  const { bundle } = await installed();
  const bytes = readdirSync(bundle)
    .filter((name) => /\.(js|jsc|json)$/.test(name))
    .reduce((sum, name) => sum + statSync(join(bundle, name)).size, 0);
  return [
    { part: "minimal installation", what: "bundled code of the default set", value: bytes / 2 ** 20, unit: "MB", target: { atMost: 5 } },
  ];
};
