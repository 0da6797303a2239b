/** `kill -9` of the gateway with every channel connected, mostly while it sends or changes a message. `bun run chaos` makes more of these trials. */
import { expect, test } from "bun:test";
import { together } from "./channels/all.ts";
import { Random } from "./random.ts";
import { count, described, emptyTally } from "./tally.ts";
import { deathAt, planOf, runTrial } from "./trial.ts";

const moments = ["asked", "posted", "edit-asked", "edited"] as const;
const homes = 1;

test("killed while every channel sends and edits, nothing that people wrote is lost, and no reply is missing or there twice but what is reported as uncertain", async () => {
  const tally = emptyTally();
  for (let seed = 1; seed <= homes && tally.failures.length === 0; seed++) {
    const random = new Random(seed);
    const deaths = moments.map((moment) => deathAt(`outside:${moment}`, random, false));
    count(tally, await runTrial({ ...planOf(seed, moments.length, together), deaths }));
  }
  console.log(`${tally.trials} trials, ${tally.accepted} messages`);
  expect(tally.failures.map(described)).toEqual([]);
  expect(tally.trials).toBe(homes * moments.length);
}, 600_000);
