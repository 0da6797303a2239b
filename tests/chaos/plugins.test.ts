/** Plugins in processes of their own, killed one after another while 50 sessions run. `bun run chaos --plugins` kills more of them. */
import { expect } from "bun:test";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { runPluginKills, shownKills } from "./plugin-kills.ts";

const kills = 8;
const confined = testWith("bubblewrap");

for (const [caller, seed] of [
  ["the gateway", 2],
  ["another process", 1],
] as const) {
  confined(
    `plugins are killed at random while 50 sessions run, and called from ${caller}: nothing safe is lost, nothing else is done twice, nobody else is disturbed`,
    async () => {
      const outcome = await runPluginKills({ seed, kills });
      console.log(shownKills(outcome));
      expect(outcome.complaints).toEqual([]);
      expect(Object.values(outcome.kills).reduce((sum, times) => sum + times, 0)).toBe(kills);
      expect(outcome.turns).toBeGreaterThanOrEqual(50);
      expect(outcome.failedTurns).toBe(0);
    },
    120_000,
  );
}
