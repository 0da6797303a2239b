import { expect, test } from "bun:test";
import { pluginDecider, referenceDecider } from "./deciders.ts";
import { runSchedule } from "./schedule.ts";

const SCHEDULES = 10_000;

test(`${SCHEDULES} schedules of requests, faults, new keys and probes are decided as the rules say`, () => {
  const said = new Map<string, number>();
  for (let seed = 1; seed <= SCHEDULES; seed++) {
    const trace = runSchedule(seed, pluginDecider());
    const expected = runSchedule(seed, referenceDecider());
    const differs = trace.findIndex((line, index) => line !== expected[index]);
    if (differs >= 0 || trace.length !== expected.length) {
      const at = differs < 0 ? Math.min(trace.length, expected.length) : differs;
      throw new Error(
        `schedule ${seed}: after\n  ${trace.slice(0, at).join("\n  ")}\nthe rules say\n  ${expected[at]}\nand the plugin does\n  ${trace[at]}`,
      );
    }
    for (const line of trace) {
      const what = line.replace(/^\d+ (\d+ )?/, "").split(/[ :]/)[0] as string;
      said.set(what, (said.get(what) ?? 0) + 1);
    }
  }
  // What did not happen was not compared.
  for (const what of ["asks", "answers", "is", "gives", "looks", "leaves", "rate-limit", "network", "auth", "context-overflow"]) {
    expect([what, (said.get(what) ?? 0) > 500]).toEqual([what, true]);
  }
});
