import { expect, test } from "bun:test";
import { described, emptyTally, runMany } from "../chaos/tally.ts";
import { points } from "../chaos/trial.ts";

const trials = Number(process.env["PINCER_CHAOS_TRIALS"] ?? 500);

test(`a gateway is killed ${trials.toLocaleString("en-US")} times: nothing accepted is lost, and nothing is done or said twice but what is reported as uncertain`, async () => {
  const tally = emptyTally();
  await runMany(tally, { first: 1_000, trials, kills: 7, atOnce: 2, after: () => tally.failures.length === 0 });
  console.log(`${tally.trials} kills of the gateway, ${tally.accepted} messages`);
  expect(tally.failures.map(described)).toEqual([]);
  expect(points.filter((point) => tally.kills[point] === undefined)).toEqual([]);
}, 3_600_000);
