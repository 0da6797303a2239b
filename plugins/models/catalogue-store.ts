/** The catalogue as it holds now: Pincer's own, what the operator had fetched, and a file of theirs. What cannot be used changes nothing. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { KeyValueStore, Logger } from "@pincer/plugin-sdk";
import { isLoopback } from "@pincer/plugin-sdk/addresses";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { readText } from "@pincer/plugin-sdk/provider/body";
import { networkFailure } from "@pincer/plugin-sdk/provider/failure";
import { attempt } from "@pincer/plugin-sdk/provider/reach";
import type { Fetch } from "@pincer/plugin-sdk/provider/watch";
import { type CatalogueEntry, type Entries, mergeEntries } from "./catalogue.ts";
import { described, entriesIn, fallenPrices, LARGEST } from "./catalogue-check.ts";
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

const FETCH_MS = 15_000;

interface Kept {
  /** The place that it came from, as a mark; and as it may be told to anybody who reads. */
  readonly mark: string;
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
  /**
   * Reads anew what the configuration names; throws `LLM_CATALOGUE_REFUSED`, which says what is wrong where. `acceptPrices`: the operator has
   * looked at prices that fall out of all proportion.
   */
  update(options: { readonly acceptPrices: boolean }, signal: AbortSignal): Promise<void>;
}

export function createCatalogue(ctx: CatalogueContext): Catalogue {
  const { clock, log, store } = ctx;
  const kept: Partial<Record<Place, Kept>> = {};
  const { find: shipped } = mergeEntries([]);
  let entries = mergeEntries([]);
  let loading: Promise<void> | undefined;

  const placeOf = (place: Place): string | undefined => {
    const named = ctx.config.catalogue[place];
    return named === undefined || place === "url" ? named : resolve(ctx.home, named);
  };
  /** What the configuration names no longer is kept, and does not hold. */
  const holding = (): readonly Kept[] =>
    (["url", "file"] as const).flatMap((place) => {
      const [one, named] = [kept[place], placeOf(place)];
      const holds = one !== undefined && named !== undefined && one.mark === markOf(named) && (place === "file" || isSafe(named));
      return holds ? [one] : [];
    });
  const merge = () => {
    entries = mergeEntries(holding().map((one) => ({ entries: one.entries, isOperators: one === kept.file })));
  };

  const keep = async (place: Place, named: string, found: readonly CatalogueEntry[]): Promise<void> => {
    const taken: Kept = { mark: markOf(named), from: plainPlace(named), at: clock.now(), entries: found };
    await store.set({ [keyOf(place)]: taken });
    kept[place] = taken;
    merge();
  };
  const takeFile = async (path: string): Promise<void> => {
    const found = await fileText(path)
      .then((text) => entriesIn(text, clock.now()))
      .catch((error: unknown) => Promise.reject(refused(path, errorMessage(error))));
    // Nothing is written for a file that says what it said before.
    if (kept.file?.mark === markOf(path) && Bun.deepEquals(kept.file.entries, found)) return;
    await keep("file", path, found);
  };
  const takeUrl = async (url: string, acceptPrices: boolean, signal: AbortSignal): Promise<void> => {
    if (!isSafe(url)) throw refused(url, "it comes over plain http, where anybody on the way may change it; set an https address");
    const text = await download(url, signal);
    const found = await entriesIn(text, clock.now()).catch((error: unknown) => Promise.reject(refused(url, errorMessage(error))));
    const fallen = acceptPrices ? [] : fallenPrices(found, shipped);
    if (fallen.length > 0)
      throw refused(url, `${described(fallen)}. If that is right: pincer models catalogue update accept-prices`, { fallen });
    await keep("url", url, found);
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

  const download = async (url: string, signal: AbortSignal): Promise<string> => {
    const where = plainPlace(url);
    const asking = {
      bounds: { idleMs: FETCH_MS, longestMs: FETCH_MS, mostBytes: LARGEST },
      ...{ signal, where, what: "the catalogue" },
      failureOf: (error: unknown) => networkFailure(error, where),
    };
    const got = await attempt(ctx, asking, async ({ send, seen }) => {
      const response = await send(url, { headers: { accept: "application/json" } });
      return { answered: response.status, text: response.ok ? await readText(response, seen) : "" };
    });
    if ("failure" in got) throw refused(url, got.failure.message);
    if (got.answered !== 200) throw refused(url, `it answered ${got.answered}`);
    return got.text;
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
    async update({ acceptPrices }, signal) {
      const [url, path] = [placeOf("url"), placeOf("file")];
      if (url === undefined && path === undefined) {
        throw llmErrors.LLM_CATALOGUE_REFUSED(
          "nothing says where a catalogue is: pincer config set models.catalogue.url https://..., or models.catalogue.file <path>",
        );
      }
      if (url !== undefined) await takeUrl(url, acceptPrices, signal);
      if (path !== undefined) await takeFile(path);
    },
  };
}

const refused = (place: string, why: string, data: Readonly<Record<string, unknown>> = {}) => {
  const from = plainPlace(place);
  const message = `${from} is no catalogue of models to be used: ${why}; what was known before holds`;
  return llmErrors.LLM_CATALOGUE_REFUSED(message, { data: { from, ...data } });
};

/** Without what only its owner knows: a password, or a key in the query. */
const plainPlace = (place: string): string => {
  const url = URL.parse(place);
  return url?.host ? `${url.protocol}//${url.host}${url.pathname}` : place;
};

/** Which place something came from, told by nothing that could be read in it. */
const markOf = (place: string): string => new Bun.CryptoHasher("sha256").update(place).digest("hex");

/** Prices are believed, and so is who serves them: nobody in between may change them. */
const isSafe = (place: string): boolean => {
  const { protocol, hostname = "" } = URL.parse(place) ?? {};
  return protocol === "https:" || hostname === "localhost" || isLoopback(hostname.replace(/^\[(.*)\]$/, "$1"));
};

/** Throws for what is no file, and for more than a catalogue may have. */
async function fileText(path: string): Promise<string> {
  if (!(await stat(path)).isFile()) throw new Error("it is no file");
  const text = await Bun.file(path)
    .slice(0, LARGEST + 1)
    .text();
  if (text.length > LARGEST) throw new Error(`it has more than ${LARGEST} bytes`);
  return text;
}
