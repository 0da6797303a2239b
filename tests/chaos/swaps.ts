/** A plugin that a turn goes through, replaced at every step of turns: nobody notices. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway, type TestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { scriptedPlugins } from "@pincer/plugin-sdk/testing/script";
import { autopsy } from "./autopsy.ts";
import { complaintsOf } from "./checks.ts";
import { homeConfig } from "./home-config.ts";
import { Load } from "./load.ts";
import { untilHeard } from "./patience.ts";
import { Random } from "./random.ts";
import { points } from "./trial.ts";
import { victimPlugins } from "./victim.ts";
import { Witness } from "./witness.ts";
import { type OutsidePoint, World } from "./world.ts";

const fixtures = join(import.meta.dir, "..", "fixtures", "plugins");
/** Points of deaths, and one that is passed without any work. */
const elsewhere = /release|recover|outside:poll/;
const mostWaves = 60;

interface Swap {
  readonly plugin: string;
  /** 1: what runs is taken from it, and gone on with from its journal. */
  readonly drainMs: number;
  readonly channel: string;
}

export function testSwap(seed: number, { plugin, drainMs, channel }: Swap): void {
  const patience = drainMs === 1 ? "and cut short " : "";
  test(`${plugin}, replaced ${patience}at every step of a turn: nothing is lost, doubled or out of order (#152965, #144291)`, async () => {
    const home = await mkdtemp(join(tmpdir(), "pincer-swaps-"));
    const world = await World.start([channel]);
    const load = new Load(world, new Random(seed));
    const left = points.filter((point) => !elsewhere.test(point) && (channel === "rich" || !point.includes("edit")));
    let gateway: TestGateway | undefined;
    let swapping: Promise<unknown> | undefined;
    const swap = async (): Promise<void> => {
      left.shift();
      swapping = gateway?.gateway.host.reload(plugin);
      await swapping;
      swapping = undefined;
    };
    const probe = (point: string) => {
      if (swapping === undefined && point === left[0]) void swap();
    };
    try {
      const config = [homeConfig(world, { continues: true, blockIdleMs: 10 }), { gateway: { plugins: { drainMs } } }];
      gateway = await startTestGateway({ home, only: victimPlugins, plugins: [fixtures, scriptedPlugins], config, probe });
      const { url, lines } = gateway;
      for (let waves = 0; waves < mostWaves && left.length > 0; waves++) {
        const [outside] = left[0]?.match(/(?<=^outside:).*/) ?? [];
        if (outside !== undefined) world.arm(outside as OutsidePoint, 1, () => swap().then(() => false));
        await load.wave(url, true, () => false);
      }
      expect(left).toEqual([]);
      const again = () => load.wave(url, false, () => false);
      expect(await untilHeard(() => load.missing(), again)).toEqual([]);
      while (gateway.gateway.lanes.held().jobs > 0) await again();
      await gateway.stop();

      const witness = new Witness(world);
      const remains = autopsy(home, true)!;
      // What a call says that is cut short is not believed, though it may be whole.
      if (drainMs === 1)
        for (const { message } of remains.entries) if (message.role === "toolResult") witness.interrupted.add(message.toolCallId);
      expect(complaintsOf({ remains, load, world, witness })).toEqual([]);
      expect(lines.filter(({ level }) => level === "error")).toEqual([]);
    } finally {
      await gateway?.stop();
      await world.stop();
      await rm(home, { recursive: true, force: true });
    }
  }, 300_000);
}
