import { expect, test } from "bun:test";
import { campaign } from "./campaign.ts";

const seed = Number(process.env["PINCER_FUZZ_SEED"] ?? 20_261_120);
const wanted = Number(process.env["PINCER_FUZZ_TRIES"] ?? 6_000);
const minutes = 60_000;

test(
  `${wanted} malformed frames, connects, requests and configurations (seed ${seed}) break nothing`,
  async () => {
    // What they leave behind shows over more of them: the long tier looks at that.
    const { tries, slowestMs } = await campaign({ seed, tries: wanted, looks: 3 });
    console.log(JSON.stringify({ tries, slowestMs: Math.round(slowestMs) }));
    expect(Object.values(tries).every((count) => count > 0)).toBe(true);
  },
  20 * minutes,
);
