/** What an idle gateway with the default set keeps, alone on a machine and beside another Bun. */
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import defaultPlugins from "../../kernel/default-plugins.json" with { type: "json" };
import { homeWith, many } from "./cold-start.ts";
import { type Figure, median } from "./figures.ts";
import type { GatewayProcess } from "./installation.ts";
import { memory, pinned } from "./machine.ts";
import type { Part } from "./part.ts";
import { connectTurns } from "./turn-client.ts";

/** Until what a start leaves behind has been collected. */
const settleMs = 6_000;

export const settled = async (pid: number) => {
  await Bun.sleep(settleMs);
  const looks = [];
  for (let look = 0; look < 5; look++) {
    looks.push(memory(pid));
    await Bun.sleep(200);
  }
  return {
    pss: median(looks.map(({ pss }) => pss)),
    rss: median(looks.map(({ rss }) => rss)),
    private: median(looks.map((of) => of.private)),
  };
};

async function bareMemory(bun: string) {
  const child = Bun.spawn([...pinned("measured"), bun, join(import.meta.dir, "servers.ts"), "bare"], { stdout: "pipe", stderr: "inherit" });
  await child.stdout.getReader().read();
  const found = await settled(child.pid);
  child.kill();
  await child.exited;
  return found;
}

async function afterConversation(gateway: GatewayProcess) {
  const client = await connectTurns(gateway);
  await client.turn("agent:main:main", "hello");
  client.close();
  return settled(gateway.pid);
}

export const idleMemory: Part = async ({ installation: installed }) => {
  const installation = await installed();
  // Pages of a binary are shared by all who run it: a copy of it is alone, whatever else this machine runs.
  const alone = join(installation.bundle, "bun-alone");
  copyFileSync(process.execPath, alone);
  try {
    const bareAlone = await bareMemory(alone);
    const bareShared = await bareMemory(process.execPath);
    const home = installation.home();
    const whileAlone = await installation.start(home, { bun: alone });
    const idle = await settled(whileAlone.pid);
    await whileAlone[Symbol.asyncDispose]();
    // This process is the second Bun.
    await using gateway = await installation.start(home);
    const beside = await settled(gateway.pid);
    const used = await afterConversation(gateway);
    const more = many - defaultPlugins.length - 1;
    const withMany = async (count: number) => {
      await using full = await installation.start(homeWith(installation, more, count));
      return await settled(full.pid);
    };
    const [present, enabled] = [await withMany(0), await withMany(more)];
    const figure = (what: string, value: number, more: Partial<Figure> = {}): Figure => ({
      part: "idle memory of the default set",
      what,
      value,
      unit: "MB",
      ...more,
    });
    return [
      figure("PSS alone", idle.pss, { bare: bareAlone.pss, target: { atMost: 60 } }),
      figure("private, beside a second Bun", beside.private, { bare: bareShared.private, target: { atMost: 25 } }),
      figure("RSS", beside.rss, { bare: bareShared.rss }),
      figure("private, after a first conversation", used.private),
      figure(`private, ${many} plugins installed`, present.private),
      figure(`private, ${many} plugins installed and enabled`, enabled.private),
    ];
  } finally {
    rmSync(alone, { force: true });
  }
};
