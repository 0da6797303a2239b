import { expect, test } from "bun:test";
import { campaign } from "../fuzz/campaign.ts";

const seed = Number(process.env["PINCER_FUZZ_SEED"] ?? 7);
const hours = 3_600_000;

test(
  `a million malformed frames, connects, requests and configurations (seed ${seed}) break nothing, and leave nothing behind`,
  async () => {
    const { tries, rounds, keptPerTry, memory, slowestMs } = await campaign({ seed, tries: 1_000_000, say: console.log });
    const rounded = { keptPerTry: Number(keptPerTry.toFixed(1)), memory: memory.at(-1), slowestMs: Math.round(slowestMs) };
    console.log(JSON.stringify({ tries, rounds, ...rounded }));
    expect(Object.values(tries).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(1_000_000);
    // An object for every tenth try would be more.
    expect(keptPerTry).toBeLessThan(3);
  },
  2 * hours,
);
