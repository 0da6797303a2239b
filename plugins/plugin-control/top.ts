/** `pincer plugins top`: what each plugin does and takes, from one look to the next. On a terminal it goes on until it is interrupted. */
import type { CommandIo } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { table } from "@pincer/plugin-sdk/command/columns";
import { defineErrors } from "@pincer/plugin-sdk/error";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import type { pluginsStatus } from "./methods.ts";

type Look = ResultOf<typeof pluginsStatus> & { readonly at: number };
type Plugin = Look["plugins"][number];

const topErrors = defineErrors({ PLUGINS_TOP: { message: "how long to look is not clear", wire: "INVALID_REQUEST" } });

const MB = 1024 * 1024;
const defaultSeconds = 2;

export interface Row {
  readonly id: string;
  readonly runs: "gateway" | "inline" | "process" | "idle" | "disabled" | "failed";
  /** Of one processor, in per cent. Null for what the system cannot tell from the gateway. */
  readonly cpuPercent: number | null;
  readonly memoryBytes: number | null;
  readonly callsPerSecond: number | null;
  readonly calls: number | null;
  readonly errors: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

const runsOf = ({ state, isolation }: Plugin): Row["runs"] => (state === "active" ? isolation : state);

/** Those that do most come first; what does nothing is left out of the pairs that are compared. */
export function rowsOf(before: Look, now: Look): readonly Row[] {
  const seconds = Math.max(0.001, (now.at - before.at) / 1000);
  const share = (from: number, to: number) => Math.max(0, (to - from) / 10 / seconds);
  const gateway: Row = {
    ...{ id: "the gateway", runs: "gateway", cpuPercent: share(before.gateway.cpuMs, now.gateway.cpuMs) },
    ...{ memoryBytes: now.gateway.memoryBytes, callsPerSecond: null, calls: null, errors: null, p50Ms: null, p99Ms: null },
  };
  const rows = now.plugins.map((plugin): Row => {
    const { id, activity, use, pid } = plugin;
    const earlier = before.plugins.find((other) => other.id === id);
    // Another process than before has only what it took since it was started.
    const from = earlier?.pid === pid ? (earlier?.use?.cpuMs ?? 0) : 0;
    return {
      ...{ id, runs: runsOf(plugin), cpuPercent: use ? share(from, use.cpuMs) : null, memoryBytes: use?.memoryBytes ?? null },
      ...{ callsPerSecond: (activity.calls - (earlier?.activity.calls ?? 0)) / seconds, calls: activity.calls, errors: activity.errors },
      ...{ p50Ms: activity.latency?.p50Ms ?? null, p99Ms: activity.latency?.p99Ms ?? null },
    };
  });
  const busy = ({ cpuPercent, callsPerSecond, calls }: Row) => [cpuPercent ?? 0, callsPerSecond ?? 0, calls ?? 0];
  const order = (a: Row, b: Row) => {
    const [left, right] = [busy(a), busy(b)];
    const differs = left.findIndex((value, i) => value !== right[i]);
    return differs === -1 ? a.id.localeCompare(b.id) : right[differs]! - left[differs]!;
  };
  return [gateway, ...rows.sort(order)];
}

const shown = (value: number | null, digits = 1, unit = "") => (value === null ? "\u00b7" : `${value.toFixed(digits)}${unit}`);

export function tableOf(rows: readonly Row[]): string {
  const head = ["plugin", "runs", "cpu", "memory", "calls/s", "calls", "errors", "p50", "p99"];
  const cells = rows.map((row) => [
    ...[row.id, row.runs, shown(row.cpuPercent, 0, " %"), shown(row.memoryBytes && row.memoryBytes / MB, 0, " MB")],
    ...[shown(row.callsPerSecond), shown(row.calls, 0), shown(row.errors, 0), shown(row.p50Ms, 2, " ms"), shown(row.p99Ms, 2, " ms")],
  ]);
  return table(head, cells, { figures: [2, 3, 4, 5, 6, 7, 8] });
}

const legend = "cpu of one processor; what runs inline has its share in the gateway's";

export async function top([text]: readonly string[], io: CommandIo, clock: Clock): Promise<number> {
  const seconds = text === undefined ? defaultSeconds : Number(text);
  if (!(seconds >= 0.1 && seconds <= 3600))
    throw topErrors.PLUGINS_TOP(`expected the seconds from one look to the next, 0.1 to 3600, and got "${text}"`);
  const look = async (): Promise<Look> => {
    const status = (await io.call("plugins.status", {})) as ResultOf<typeof pluginsStatus>;
    return { ...status, at: clock.monotonic() };
  };
  const isWatched = process.stdout.isTTY === true && !io.json;
  for (let before = await look(); ; ) {
    const isOver = await clock.sleep(seconds * 1000, io.signal).then(
      () => false,
      () => true, // silent-ok: whoever interrupts it has seen enough
    );
    if (isOver) return 0;
    const now = await look();
    const rows = rowsOf(before, now);
    if (io.json) io.print(JSON.stringify(rows, null, 2));
    else io.print(`${isWatched ? "\u001b[H\u001b[J" : ""}${tableOf(rows)}\n\n${legend}`);
    if (!isWatched) return 0;
    before = now;
  }
}
