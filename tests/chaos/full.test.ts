/** The disk is full at each commit of a turn, and then has space again. */
import { expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WireClient } from "@pincer/plugin-sdk/testing/client";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { lanePoints } from "../../kernel/lanes/jobs.ts";
import { autopsy } from "./autopsy.ts";
import { complaintsOf } from "./checks.ts";
import { homeConfig, token } from "./home-config.ts";
import { Load } from "./load.ts";
import { untilHeard } from "./patience.ts";
import { Random } from "./random.ts";
import { SmallDisk } from "./small-disk.ts";
import { Witness } from "./witness.ts";
import { World } from "./world.ts";

const fillsAt = ["store:before-commit", ...lanePoints.filter((point) => !/release|recover/.test(point)).map((point) => `lanes:${point}`)];
const mostWaves = 60;

testWith("bubblewrap")(
  "a disk that is full at every commit of a turn, one after the other: what was accepted is done, once and in order, when there is space",
  async () => {
    await using disk = new SmallDisk(64 << 20);
    const world = await World.start(["scripted"]);
    const remains = mkdtempSync(join(tmpdir(), "pincer-remains-"));
    try {
      const load = new Load(world, new Random(7));
      const said = await disk.start(homeConfig(world, { continues: true, blockIdleMs: 10 }), { fillsAt });
      if (said.say !== "ready") throw new Error(said.message);
      const client = await WireClient.connect({ url: said.url, token });
      let times = 0;
      const freeing = (async () => {
        while (times < fillsAt.length) {
          await disk.filled(times + 1);
          // It serves what it can, and tries to write.
          for (let calls = 0; calls < 30; calls++) await client.call("health", {});
          await disk.free();
          times++;
        }
      })();
      for (let waves = 0; waves < mostWaves && times < fillsAt.length; waves++) await load.wave(said.url, true, () => false);
      await freeing;
      const again = () => load.wave(said.url, false, () => false);
      expect(await untilHeard(() => load.missing(), again)).toEqual([]);
      const looked = async () => {
        await disk.copy(remains);
        return autopsy(remains, true)!;
      };
      while ([...(await looked()).jobs.values()].some(({ ended }) => !ended)) await again();
      expect(await disk.end("stop")).toBe(0);
      const complaints = complaintsOf({ remains: await looked(), load, world, witness: new Witness(world) });
      // No part of a turn; on a full disk it is a fault instead of a refusal.
      expect(complaints.filter((complaint) => !complaint.startsWith("refused: gateway.loginLink:"))).toEqual([]);
    } finally {
      await world.stop();
      rmSync(remains, { recursive: true });
    }
  },
  300_000,
);
