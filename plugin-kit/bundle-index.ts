/** What a bundle knows of the plugins that it was made with: written when it is made, read by every start. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Manifest, manifestDigest } from "@pincer/plugin-sdk/manifest";
import { type TSchema, Type } from "@sinclair/typebox";

export interface IndexEntry {
  /** Its code; absent for one that runs from its source. */
  readonly file?: string;
  /** Digest of its manifest's text. */
  readonly manifest: string;
  readonly outline: Manifest;
}
export type BundleIndex = Readonly<Record<string, IndexEntry>>;

const indexOf = (out: string): string => join(out, "plugins.json");
const open: TSchema = Type.Unknown();

/**
 * A manifest without the schemas that are compared with the code when that is loaded, and shown to who asks for them: half of all that manifests say, which
 * every start would parse and every gateway keep. What is left out stands open.
 */
function outlineOf({ generated, ...written }: Manifest): Manifest {
  if (!generated) return written;
  const { methods, emits, jobs, state, ...rest } = generated;
  const opened = <Entry>(entries: Readonly<Record<string, Entry>>, without: (entry: Entry) => Entry) =>
    Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, without(entry)]));
  return {
    ...written,
    generated: {
      ...rest,
      ...(methods && {
        methods: opened(methods, ({ accepted, ...method }) => ({
          ...method,
          params: open,
          result: open,
          ...(accepted && { accepted: open }),
        })),
      }),
      ...(emits && { emits: opened(emits, (event) => ({ ...event, payload: open })) }),
      ...(jobs && { jobs: opened(jobs, (job) => ({ ...job, input: open, result: open })) }),
      ...(state && { state: open }),
    } as Manifest["generated"],
  };
}

/** Of a manifest that was found in order. */
export const indexEntry = (text: string, manifest: Manifest): IndexEntry => ({
  manifest: manifestDigest(text),
  outline: outlineOf(manifest),
});

/** In whichever order they were read, it is the same file. */
export function writeIndex(out: string, index: BundleIndex): void {
  const sorted = Object.fromEntries(Object.entries(index).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(indexOf(out), `${JSON.stringify(sorted)}\n`);
}

export const readIndex = (out: string): BundleIndex =>
  existsSync(indexOf(out)) ? (JSON.parse(readFileSync(indexOf(out), "utf8")) as BundleIndex) : {};
