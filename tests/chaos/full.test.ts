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
      const { gateway, ...rest } = homeConfig(world, { continues: true, blockIdleMs: 10 });
      // What runs when it is stopped comes to its end.
      const config = { ...rest, gateway: { ...gateway, lanes: { ...gateway.lanes, drainMs: 60_000 } } };
      const said = await disk.start(config, { fillsAt });
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
      let url = said.url;
      const again = () => load.wave(url, false, () => false);
      expect(await untilHeard(() => load.missing(), again)).toEqual([]);
      // A gateway that works cannot be looked at; what it leaves to do, the next one does.
      const looked = async () => {
        expect(await disk.end("stop")).toBe(0);
        rmSync(remains, { recursive: true });
        await disk.copy(remains);
        return autopsy(remains, true)!;
      };
      let left = await looked();
      while ([...left.jobs.values()].some(({ ended }) => !ended)) {
        const next = await disk.start(config);
        if (next.say !== "ready") throw new Error(next.message);
        url = next.url;
        await again();
        left = await looked();
      }
      expect(complaintsOf({ remains: left, load, world, witness: new Witness(world) })).toEqual([]);
    } finally {
      await world.stop();
      rmSync(remains, { recursive: true });
    }
  },
  300_000,
);
