import { expect, test } from "bun:test";
import { campaign } from "./campaign.ts";

const seed = Number(process.env["PINCER_FUZZ_SEED"] ?? 20_261_120);
const wanted = Number(process.env["PINCER_FUZZ_TRIES"] ?? 90_000);
const minutes = 60_000;

test(
  `${wanted} malformed frames, connects, requests and configurations (seed ${seed}) break nothing, and leave nothing behind`,
  async () => {
    const { tries, keptPerTry, memory, slowestMs } = await campaign({ seed, tries: wanted });
    console.log(JSON.stringify({ tries, keptPerTry: Math.round(keptPerTry), memory: memory.at(-1), slowestMs: Math.round(slowestMs) }));
    expect(Object.values(tries).every((count) => count > 0)).toBe(true);
    // Up to 7 are seen. An object for each request would be 50, the state of a connection for each connection 24.
    expect(keptPerTry).toBeLessThan(15);
  },
  20 * minutes,
);
