/**
 * Manifests of plugins that were found in order once, by their text. To look at two hundred of them again, for what they say and for patterns
 * that take long, would be half of a start.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import sdk from "@pincer/plugin-sdk/package.json" with { type: "json" };
import { type IndexEntry, outlineOf, readIndex } from "./bundle-index.ts";

interface Known {
  readonly by: string;
  readonly digests: readonly string[];
}

/** Another Pincer may look for something else. */
const version = `${sdk.version} ${Bun.version}`;

/** Of a folder that `buildDefaultSet` filled. It answers only for exactly the manifest that it was made with. */
export function readBundle(out: string) {
  const index = readIndex(out);
  const known = (id: string, digest: string): IndexEntry | undefined => (index[id]?.manifest === digest ? index[id] : undefined);
  return {
    outlineOf(id: string, digest: string, text: string): Manifest | undefined {
      const places = known(id, digest)?.schemas;
      return places && outlineOf(text, places);
    },
    isChecked: (id: string, digest: string): boolean => known(id, digest) !== undefined,
    entryOf({ id, digest }: { readonly id: string; readonly digest: string }): string | undefined {
      const file = known(id, digest)?.file;
      return file === undefined ? undefined : join(out, file);
    },
  };
}

/** What the bundle knows, and what the home keeps; what is found in order from now on is kept as well. */
export function knownManifests(home: string, bundle?: ReturnType<typeof readBundle>) {
  const file = join(home, "cache", "manifests.json");
  const known = new Set(read(file));
  /** Those that are there no more are kept no longer. */
  const seen = new Set<string>();
  let isSaving = false;
  return {
    isChecked(id: string, digest: string): boolean {
      if (bundle?.isChecked(id, digest)) return true;
      if (known.has(digest)) seen.add(digest);
      return known.has(digest);
    },
    passed(digest: string): void {
      seen.add(digest);
      if (isSaving) return;
      isSaving = true;
      // Behind all that are read at once.
      queueMicrotask(() => {
        isSaving = false;
        save(file, { by: version, digests: [...seen] });
      });
    },
    outlineOf: (id: string, digest: string, text: string): Manifest | undefined => bundle?.outlineOf(id, digest, text),
    entryOf: (plugin: { readonly id: string; readonly digest: string }): string | undefined => bundle?.entryOf(plugin),
  };
}

function read(file: string): readonly string[] {
  try {
    const known = JSON.parse(readFileSync(file, "utf8")) as Known;
    return known.by === version ? known.digests : [];
  } catch {
    return []; // silent-ok: they are looked at again
  }
}

function save(file: string, known: Known): void {
  const whole = `${file}.${crypto.randomUUID()}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(whole, JSON.stringify(known), { mode: 0o600 });
    renameSync(whole, file);
  } catch {
    // silent-ok: they are looked at again at the next start
  }
}
