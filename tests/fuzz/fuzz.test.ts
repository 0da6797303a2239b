import { expect, test } from "bun:test";
import { campaign } from "./campaign.ts";

const seed = Number(process.env["PINCER_FUZZ_SEED"] ?? 20_261_120);
const seconds = Number(process.env["PINCER_FUZZ_SECONDS"] ?? 40);
const MiB = 2 ** 20;

test(`${seconds} s of malformed frames, connects, requests and configurations (seed ${seed}) break nothing, and memory stays flat`, async () => {
  const { tries, memory, slowestMs } = await campaign({ seed, tries: 1_000_000, longestMs: seconds * 1_000 });
  console.log(JSON.stringify({ tries, memory, slowestMs: Math.round(slowestMs) }));
  expect(Object.values(tries).every((count) => count > 0)).toBe(true);
  expect((memory.after.heap - memory.half.heap) / MiB).toBeLessThan(4);
}, 300_000);
