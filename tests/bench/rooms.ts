/** The benches of single rooms, each in a process of its own on the measured core, read into figures. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Figure } from "./figures.ts";
import { pinned } from "./machine.ts";
import type { Part } from "./part.ts";

async function output(file: string, args: readonly string[], core: readonly string[]): Promise<string> {
  const child = Bun.spawn([...core, process.execPath, join(import.meta.dir, file), ...args], { stdout: "pipe", stderr: "inherit" });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${file} ended with ${child.exitCode}`);
  return text;
}

interface BusRow {
  readonly what: "requests" | "fan-out";
  readonly connections: number;
  readonly inFlight: number;
  readonly subscribers: number;
  readonly [column: string]: string | number;
}

/** Divides the work between the cores itself. */
export const bus: Part = async ({ seconds }) => {
  const folder = mkdtempSync(join(tmpdir(), "pincer-bench-bus-"));
  const file = join(folder, "bus.json");
  await output("bus.ts", ["--json", file, "--seconds", String(seconds / 8)], []);
  const rows = (await Bun.file(file).json()) as readonly BusRow[];
  rmSync(folder, { recursive: true });
  return rows.flatMap((row): Figure[] => {
    const number = (column: string) => Number(row[column]);
    if (row.what === "requests") {
      const part = "requests, the bus alone";
      const what = `${row.connections === 1 ? "1 connection" : `${row.connections} connections`}, ${row.inFlight} in flight`;
      return [
        { part, what: `${what}: requests`, unit: "/s", value: number("bus/s"), bare: number("bare/s") },
        { part, what: `${what}: of the bare rate`, unit: "%", value: number("rate %"), target: { atLeast: 60 } },
        { part, what: `${what}: processor time`, unit: "us", value: number("bus CPU us"), bare: number("bare CPU us") },
      ];
    }
    const part = "fan-out, the bus alone";
    const what = `${row.subscribers} subscribers`;
    return [
      { part, what: `${what}: deliveries`, unit: "/s", value: number("bus/s"), bare: number("bare/s") },
      { part, what: `${what}: until the last one has it`, unit: "ms", value: number("bus lag p50 ms"), bare: number("bare lag p50 ms") },
      { part, what: `${what}: processor time of a delivery`, unit: "us", value: number("bus CPU us"), bare: number("bare CPU us") },
    ];
  });
};

interface LanesReport {
  readonly results: readonly {
    readonly commitDelayMs: number;
    readonly turnsPerSecond: number;
    readonly p99Ms: number;
    readonly worstLoopLagMs: number;
    readonly cpuMsPerTurn: number;
  }[];
}

export const lanes: Part = async ({ seconds }) => {
  const report = JSON.parse(await output("lanes.ts", ["--json", "--seconds", String(seconds)], pinned("measured"))) as LanesReport;
  return report.results.flatMap(({ commitDelayMs, turnsPerSecond, p99Ms, worstLoopLagMs, cpuMsPerTurn }): Figure[] => {
    const part = "durable lane turns at 100 sessions";
    const what = commitDelayMs === 0 ? "synchronous=FULL" : `with ${commitDelayMs} ms added to every commit`;
    return [
      { part, what: `${what}: turns`, unit: "/s", value: turnsPerSecond, target: { atLeast: 2_000 } },
      { part, what: `${what}: p99`, unit: "ms", value: p99Ms, target: { atMost: 100 } },
      { part, what: `${what}: longest hold of the event loop`, unit: "ms", value: worstLoopLagMs },
      { part, what: `${what}: processor time of a turn`, unit: "ms", value: cpuMsPerTurn },
    ];
  });
};

interface SessionsReport {
  readonly results: readonly {
    readonly what: string;
    readonly p50: number;
    readonly p99: number;
    readonly bare?: number;
    readonly target?: number;
  }[];
}

export const sessions: Part = async () => {
  const report = JSON.parse(await output("sessions.ts", ["--json"], pinned("measured"))) as SessionsReport;
  return report.results.map(({ what, p50, bare, target }): Figure => {
    const part = "100,000 sessions, one of 10,000 messages";
    return {
      part,
      what,
      unit: "ms",
      value: p50,
      ...(bare === undefined ? {} : { bare }),
      ...(target === undefined ? {} : { target: { atMost: target } }),
    };
  });
};
