import { expect } from "bun:test";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { killMany } from "../chaos/plugin-tally.ts";

const kills = Number(process.env["PINCER_PLUGIN_KILLS"] ?? 1_000);

testWith("bubblewrap")(
  `plugins are killed ${kills.toLocaleString("en-US")} times while 50 sessions run: nothing safe is lost, nothing else is done twice, nobody else is disturbed`,
  async () => {
    const { failures, summary } = await killMany({ kills, first: 1_000 });
    console.log(summary);
    expect(failures).toEqual([]);
  },
  4 * 3_600_000,
);
