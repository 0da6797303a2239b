import { expect, test } from "bun:test";
import { campaign } from "../fuzz/campaign.ts";

const seed = Number(process.env["PINCER_FUZZ_SEED"] ?? 7);
const MiB = 2 ** 20;
const hours = 3_600_000;

test(
  `a million malformed frames, connects, requests and configurations (seed ${seed}) break nothing, and memory stays flat`,
  async () => {
    const { tries, rounds, memory, slowestMs } = await campaign({ seed, tries: 1_000_000, say: console.log });
    console.log(JSON.stringify({ tries, rounds, memory, slowestMs: Math.round(slowestMs) }));
    expect(Object.values(tries).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(1_000_000);
    expect((memory.after.heap - memory.half.heap) / MiB).toBeLessThan(2);
  },
  2 * hours,
);
