/** What models used and cost, kept durably by day: by agent and model, and by session. */
import type { KeyValueStore, Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Usage } from "@pincer/plugin-sdk/message";
import type { ModelsConfig } from "./config.ts";
import type { Cost } from "./prices.ts";

interface Totals {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly totalTokens: number;
  /** US dollars. */
  readonly totalCost: number;
  readonly inputCost: number;
  readonly outputCost: number;
  readonly cacheReadCost: number;
  readonly cacheWriteCost: number;
  /** Calls whose cost is not known, and is in no sum. */
  readonly missingCostEntries: number;
  readonly calls: number;
}

interface Row extends Totals {
  readonly date: string;
  readonly model: string;
  readonly agentId: string;
}

interface UsageEntry {
  readonly model: string;
  readonly agentId: string | undefined;
  readonly sessionKey: string | undefined;
  readonly usage: Usage;
  /** Absent where the vendor itself said what it cost, or nobody knows. */
  readonly cost: Cost | undefined;
}

interface UsageReport {
  readonly daily: readonly (Totals & { readonly date: string })[];
  readonly totals: Totals;
  readonly models: readonly (Totals & { readonly model: string })[];
}

export interface UsageLedger {
  record(entry: UsageEntry): void;
  /** The last so many days, today included, oldest first; days without a call are left out. */
  report(days: number, agentId?: string): Promise<UsageReport>;
  session(sessionKey: string): Promise<UsageReport>;
  /** Nothing is recorded behind it. Resolves once everything recorded before is durable. */
  end(): Promise<void>;
}

const NOTHING: Totals = {
  input: 0,
  output: 0,
  cacheRead: 0,
  cacheWrite: 0,
  totalTokens: 0,
  totalCost: 0,
  inputCost: 0,
  outputCost: 0,
  cacheReadCost: 0,
  cacheWriteCost: 0,
  missingCostEntries: 0,
  calls: 0,
};
const FIELDS = Object.keys(NOTHING) as (keyof Totals)[];

type Sum = { -readonly [K in keyof Totals]: Totals[K] };
function addTo(sum: Sum, more: Totals): void {
  for (const field of FIELDS) sum[field] += more[field] ?? 0;
}
function sumAll(rows: readonly Totals[]): Totals {
  const sum: Sum = { ...NOTHING };
  for (const row of rows) addTo(sum, row);
  return sum;
}

function totalsOf({ usage, cost }: UsageEntry): Totals {
  const { input, output, cacheRead, cacheWrite, totalTokens } = usage;
  return {
    input,
    output,
    cacheRead,
    cacheWrite,
    totalTokens,
    totalCost: usage.cost ?? cost?.total ?? 0,
    inputCost: cost?.input ?? 0,
    outputCost: cost?.output ?? 0,
    cacheReadCost: cost?.cacheRead ?? 0,
    cacheWriteCost: cost?.cacheWrite ?? 0,
    missingCostEntries: usage.cost === null && cost === undefined ? 1 : 0,
    calls: 1,
  };
}

/** Half a surrogate pair, which a client may send, is no character. */
const part = (text: string): string => encodeURIComponent(text.toWellFormed());
const DAY_MS = 86_400_000;
const mostWritten = 1_000;
/** Between two commits: many calls at once are one row of each kind. */
const gatherMs = 200;

const two = (number: number): string => `${number}`.padStart(2, "0");

/** The day on the gateway's own calendar, as `2026-11-20`. */
const dayOf = (at: number): string => {
  const day = new Date(at);
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
};
const MINUTE_MS = 60_000;

export function createUsageLedger(ctx: {
  readonly config: Pick<ModelsConfig, "usageDays">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: KeyValueStore;
}): UsageLedger {
  const { clock, log, store } = ctx;
  // Two generations of this plugin may write at once: each has rows of its own, and a sum is over all of them.
  const writer = crypto.randomUUID().slice(0, 8);
  /** What the newest rows of this writer hold, so that they are not read again before each is written. */
  const written = new Map<string, Row>();
  let waiting = new Map<string, Row & Sum>();
  let writing: Promise<void> | undefined;
  /** Runs while the next commit gathers what is recorded. */
  let gathering: Disposable | undefined;
  let sweptOn = "";
  /** No day begins within a minute. */
  let today = { minute: Number.NaN, date: "" };

  const dateNow = (): string => {
    const minute = Math.floor(clock.now() / MINUTE_MS);
    if (minute !== today.minute) today = { minute, date: dayOf(clock.now()) };
    return today.date;
  };
  const add = (key: string, row: Row) => {
    const before = waiting.get(key);
    if (before) addTo(before, row);
    else waiting.set(key, { ...row });
  };

  /** One commit at a time; what is recorded meanwhile goes into the next, a little later. */
  const write = async (): Promise<void> => {
    if (waiting.size > 0) {
      const batch = waiting;
      waiting = new Map();
      const changes: Record<string, Row> = {};
      for (const [key, row] of batch) {
        const before = written.get(key) ?? (await store.get<Row>(key));
        if (before) addTo(row, before);
        changes[key] = row;
      }
      await store.set(changes);
      if (written.size > mostWritten) written.clear();
      for (const [key, row] of Object.entries(changes)) written.set(key, row);
    }
  };
  const start = (): Promise<void> => {
    writing ??= write()
      .catch((error: unknown) => log.error("usage.not-kept", { error: errorMessage(error) }))
      .finally(() => {
        writing = undefined;
        gather();
      });
    return writing;
  };
  const gather = () => {
    gathering?.[Symbol.dispose]();
    gathering = clock.after(gatherMs, () => {
      gathering = undefined;
      if (waiting.size > 0) void start();
    });
  };
  const flush = async (): Promise<void> => {
    while (writing !== undefined || waiting.size > 0) await start();
  };

  /** Once a day: what is older than is kept goes. */
  const sweep = async (today: string): Promise<void> => {
    const oldest = dayOf(clock.now() - ctx.config.usageDays * DAY_MS);
    const old = (await store.list<Row>("")).filter(({ value }) => value.date < oldest && value.date < today);
    if (old.length > 0) await store.set(Object.fromEntries(old.map(({ key }) => [key, undefined])));
  };

  const reportOf = (rows: readonly Row[]): UsageReport => {
    const by = <K extends "date" | "model">(field: K) =>
      [...Map.groupBy(rows, (row) => row[field])].map(
        ([name, group]) => ({ [field]: name, ...sumAll(group) }) as Totals & Record<K, string>,
      );
    return {
      daily: by("date").sort((a, b) => (a.date < b.date ? -1 : 1)),
      totals: sumAll(rows),
      models: by("model").sort((a, b) => b.totalTokens - a.totalTokens || (a.model < b.model ? -1 : 1)),
    };
  };

  return {
    record(entry) {
      const date = dateNow();
      const agentId = entry.agentId ?? "";
      const row = { ...totalsOf(entry), date, model: entry.model, agentId };
      add(`day/${date}/${part(agentId)}/${part(entry.model)}/${writer}`, row);
      if (entry.sessionKey !== undefined) add(`session/${part(entry.sessionKey)}/${date}/${part(entry.model)}/${writer}`, row);
      if (writing === undefined && gathering === undefined) void start();
      if (sweptOn === date) return;
      sweptOn = date;
      sweep(date).catch((error: unknown) => log.warn("usage.not-swept", { error: errorMessage(error) }));
    },

    async report(days, agentId) {
      await flush();
      const dates = new Set(Array.from({ length: days }, (_, back) => dayOf(clock.now() - back * DAY_MS)));
      const rows = (await Promise.all([...dates].map((date) => store.list<Row>(`day/${date}/`)))).flat().map(({ value }) => value);
      return reportOf(agentId === undefined ? rows : rows.filter((row) => row.agentId === agentId));
    },

    async session(sessionKey) {
      await flush();
      return reportOf((await store.list<Row>(`session/${part(sessionKey)}/`)).map(({ value }) => value));
    },

    async end() {
      await flush();
      gathering?.[Symbol.dispose]();
    },
  };
}
