/** The parts of a registry's catalogue, of which those that have not changed are kept. */
import { type CatalogueEntry, cataloguePaths, compareEntries, longestCatalogue, readCatalogue } from "../catalogue.ts";
import { RegistryError } from "../error.ts";
import { sha256Of } from "../sha256.ts";
import { type Expected, joined } from "../source.ts";
import type { Metadata } from "../trust/metadata.ts";
import { isInPattern } from "../trust/pattern.ts";
import type { TrustState } from "./state.ts";

export async function readParts(
  { signed: { targets } }: Metadata<"targets">,
  state: TrustState,
  fetched: (path: string, expected: Expected) => AsyncIterable<Uint8Array>,
): Promise<readonly CatalogueEntry[]> {
  const rows: CatalogueEntry[] = [];
  for (const [path, { length, hashes }] of Object.entries(targets).sort()) {
    if (!isInPattern(cataloguePaths, path)) continue;
    if (length > longestCatalogue.packed)
      throw new RegistryError("REGISTRY_TOO_LARGE", `${path}: expected at most ${longestCatalogue.packed} bytes, came ${length}`);
    const keptAs = path.replace(/\.json\.gz$/, "").replaceAll("/", "-");
    const kept = state.read(keptAs);
    if (kept && sha256Of(kept) === hashes.sha256) {
      rows.push(...readCatalogue(kept, path));
      continue;
    }
    const bytes = await joined(fetched(path, { length, sha256: hashes.sha256 }));
    rows.push(...readCatalogue(bytes, path));
    state.write(keptAs, bytes);
  }
  return rows.sort(compareEntries);
}
