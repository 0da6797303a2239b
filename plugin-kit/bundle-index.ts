/** What a bundle knows of the plugins that it was made with: written when it is made, read by every start. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Node, parseJson5 } from "@pincer/plugin-sdk/json5";
import { type Manifest, manifestDigest } from "@pincer/plugin-sdk/manifest";

export interface IndexEntry {
  /** Its code; absent for one that runs from its source. */
  readonly file?: string;
  /** Digest of its manifest's text. */
  readonly manifest: string;
  /** Where in that text schemas stand that no start needs: the beginning and the end of each. */
  readonly schemas: readonly number[];
}
type BundleIndex = Readonly<Record<string, IndexEntry>>;

const indexOf = (out: string): string => join(out, "plugins.json");
/** What of `generated` is compared with the code when that is loaded, and shown to who asks for it: half of all that manifests say. */
const schemas = { methods: ["params", "result", "accepted"], emits: ["payload"], jobs: ["input", "result"] };

function placesIn(text: string): readonly number[] {
  const inside = (node: Node | undefined) => (node?.kind === "object" ? node.entries : []);
  const member = (node: Node | undefined, key: string) => inside(node).find((entry) => entry.key === key)?.value;
  const generated = member(parseJson5(text), "generated");
  const found = Object.entries(schemas).flatMap(([section, keys]) =>
    inside(member(generated, section)).flatMap(({ value }) => keys.flatMap((key) => member(value, key) ?? [])),
  );
  return [...found, member(generated, "state") ?? []]
    .flat()
    .sort((a, b) => a.start - b.start)
    .flatMap(({ start, end }) => [start, end]);
}

/** The manifest with its schemas left open, which every start would parse and every gateway keep. */
export function outlineOf(text: string, places: readonly number[]): Manifest {
  let [rest, from] = ["", 0];
  for (let i = 0; i < places.length; i += 2) {
    rest += `${text.slice(from, places[i])}{}`;
    from = places[i + 1]!;
  }
  return JSON.parse(rest + text.slice(from)) as Manifest;
}

/** Of a manifest that was found in order. */
export const indexEntry = (text: string): IndexEntry => ({ manifest: manifestDigest(text), schemas: placesIn(text) });

/** In whichever order they were read, it is the same file. */
export function writeIndex(out: string, index: BundleIndex): void {
  const sorted = Object.fromEntries(Object.entries(index).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(indexOf(out), `${JSON.stringify(sorted)}\n`);
}

export const readIndex = (out: string): BundleIndex =>
  existsSync(indexOf(out)) ? (JSON.parse(readFileSync(indexOf(out), "utf8")) as BundleIndex) : {};
