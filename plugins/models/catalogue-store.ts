/** The catalogue as it holds now: Pincer's own, what the operator had fetched, and a file of theirs. What cannot be used changes nothing. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { KeyValueStore, Logger } from "@pincer/plugin-sdk";
import { checker, describeMismatch, mismatchOf } from "@pincer/plugin-sdk/check";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { type Fetch, watchRequest } from "@pincer/plugin-sdk/provider/watch";
import { type CatalogueEntry, CatalogueFile, type Entries, mergeEntries } from "./catalogue.ts";
import type { ModelsConfig } from "./config.ts";
import { llmErrors } from "./errors.ts";

interface CatalogueContext {
  readonly config: ModelsConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: KeyValueStore;
  readonly fetch: Fetch;
  /** Where a file is that is named without its folder. */
  readonly home: string;
}

/** As much as one value of the store holds, and some thousands of models. */
const LARGEST = 900_000;
const FETCH_MS = 15_000;

interface Kept {
  readonly from: string;
  readonly at: number;
  readonly entries: readonly CatalogueEntry[];
}

type Place = "url" | "file";
const keyOf = (place: Place): string => `catalogue:${place}`;

export interface Catalogue {
  /** What was kept is read once, before anything is looked up. */
  ready(): Promise<void>;
  readonly all: Entries["all"];
  readonly added: number;
  find: Entries["find"];
  /** Of the last that was kept. */
  readonly from: string | null;
  readonly at: number | null;
  /** Reads the file anew. */
  follow(): Promise<void>;
  /** Reads anew what the configuration names; throws `LLM_CATALOGUE_REFUSED`, which says what is wrong where. */
  update(signal: AbortSignal): Promise<void>;
}

export function createCatalogue(ctx: CatalogueContext): Catalogue {
  const { clock, log, store } = ctx;
  const kept: Partial<Record<Place, Kept>> = {};
  let entries = mergeEntries([]);
  let loading: Promise<void> | undefined;

  const placeOf = (place: Place): string | undefined => {
    const named = ctx.config.catalogue[place];
    return named === undefined || place === "url" ? named : resolve(ctx.home, named);
  };
  /** What the configuration names no longer is kept, and does not hold. */
  const holding = (): readonly Kept[] =>
    (["url", "file"] as const).flatMap((place) => (kept[place] && kept[place].from === placeOf(place) ? [kept[place]] : []));
  const merge = () => {
    entries = mergeEntries(holding().map((one) => ({ entries: one.entries, isOperators: one === kept.file })));
  };

  const take = async (place: Place, from: string, text: string): Promise<void> => {
    const taken: Kept = { from, at: clock.now(), entries: await entriesIn(text, from) };
    await store.set({ [keyOf(place)]: taken });
    kept[place] = taken;
    merge();
  };
  const takeFile = async (from: string): Promise<void> => {
    const text = await readFile(from, "utf8").catch((error: unknown) => {
      throw refused(from, errorMessage(error));
    });
    // Nothing is written for a file that says what it said before.
    const known = kept.file?.from === from ? JSON.stringify(kept.file.entries) : undefined;
    if (known === undefined || known !== JSON.stringify(await entriesIn(text, from))) await take("file", from, text);
  };

  const follow = async (): Promise<void> => {
    const from = placeOf("file");
    try {
      if (from !== undefined) await takeFile(from);
    } catch (error) {
      log.warn("models.catalogue-refused", { from, error: errorMessage(error), holds: holding().at(-1)?.at ?? null });
    }
    merge();
  };

  const load = async (): Promise<void> => {
    for (const place of ["url", "file"] as const) {
      const known = await store.get<Kept>(keyOf(place));
      if (known) kept[place] = known;
    }
    await follow();
  };

  const download = async (from: string, signal: AbortSignal): Promise<string> => {
    using watch = watchRequest({ clock, idleMs: FETCH_MS, signal, fetch: ctx.fetch });
    try {
      const response = await watch.fetch(from, { headers: { accept: "application/json" }, signal: watch.signal });
      if (!response.ok) throw new Error(`it answered ${response.status}`);
      return await boundedText(response);
    } catch (error) {
      signal.throwIfAborted();
      throw refused(from, watch.ended === "silent" ? "it does not answer" : errorMessage(error));
    }
  };

  return {
    ready() {
      loading ??= load().catch((error: unknown) => {
        loading = undefined;
        throw error;
      });
      return loading;
    },
    get all() {
      return entries.all;
    },
    get added() {
      return entries.added;
    },
    find: (ref) => entries.find(ref),
    get from() {
      return holding().at(-1)?.from ?? null;
    },
    get at() {
      return holding().at(-1)?.at ?? null;
    },
    follow,
    async update(signal) {
      const [url, path] = [placeOf("url"), placeOf("file")];
      if (url === undefined && path === undefined) {
        throw llmErrors.LLM_CATALOGUE_REFUSED(
          "nothing says where a catalogue is: pincer config set models.catalogue.url https://..., or models.catalogue.file <path>",
        );
      }
      if (url !== undefined) await take("url", url, await download(url, signal));
      if (path !== undefined) await takeFile(path);
    },
  };
}

const refused = (from: string, why: string) =>
  llmErrors.LLM_CATALOGUE_REFUSED(`${from} is no catalogue of models: ${why}; what was known before holds`, { data: { from } });

/** Its entries, each once. Throws `LLM_CATALOGUE_REFUSED`. */
async function entriesIn(text: string, from: string): Promise<readonly CatalogueEntry[]> {
  if (text.length > LARGEST) throw refused(from, `it has ${text.length} characters; at most ${LARGEST} are read`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refused(from, errorMessage(error));
  }
  const check = await checker(CatalogueFile);
  if (!check.Check(value)) throw refused(from, describeMismatch(mismatchOf(check, value)));
  const { models } = value as (typeof CatalogueFile)["static"];
  const names = new Set<string>();
  for (const { ref, date } of models) {
    if (names.has(ref)) throw refused(from, `${ref} stands there twice`);
    if (Number.isNaN(Date.parse(date))) throw refused(from, `${ref} has the date ${date}, which is none`);
    names.add(ref);
  }
  return models;
}

/** A server that sends without end is not read to its end. */
async function boundedText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    length += piece.length;
    if (length > LARGEST) throw new Error(`it sends more than ${LARGEST} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}
