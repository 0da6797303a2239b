/** From the start of the whole process to the answer that it is ready: the median of several starts, each of a process of its own. */
import { join } from "node:path";
import defaultPlugins from "../../kernel/default-plugins.json" with { type: "json" };
import { type Figure, median } from "./figures.ts";
import { codeOf, type Home, type Installation, installVersion, trusted } from "./installation.ts";
import { pinned } from "./machine.ts";
import type { Part } from "./part.ts";

const rounds = 15;
/** As many as a machine of somebody who tries everything has. */
export const many = 50;

export async function starts(
  installation: Installation,
  home: Home,
): Promise<{ readonly first: number; readonly wall: number; readonly cpu: number }> {
  const wall: number[] = [];
  const cpu: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    await using gateway = await installation.start(home);
    wall.push(gateway.readyAfterMs);
    cpu.push(gateway.cpuMs());
  }
  const first = wall.shift()!;
  cpu.shift();
  return { first, wall: median(wall), cpu: cpu.reduce((sum, ms) => sum + ms, 0) / cpu.length };
}

/** A process that does nothing but answer. */
async function bareStarts(): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const began = performance.now();
    const child = Bun.spawn([...pinned("measured"), process.execPath, join(import.meta.dir, "servers.ts"), "bare"], {
      stdout: "pipe",
      stderr: "inherit",
    });
    const { value } = await child.stdout.getReader().read();
    const { port } = JSON.parse(new TextDecoder().decode(value)) as { port: number };
    await (await fetch(`http://127.0.0.1:${port}/`)).text();
    times.push(performance.now() - began);
    child.kill();
    await child.exited;
  }
  return median(times.slice(1));
}

/** A home with so many plugins beside the default set, of which so many are enabled. */
export function homeWith(installation: Installation, installed: number, enabled: number): Home {
  const name = (number: number) => `bench-extra-${number}`;
  const plugins = Object.fromEntries(
    Array.from({ length: installed }, (_, number) => [name(number), { ...trusted, enabled: number < enabled }]),
  );
  const home = installation.home({ plugins: ["bench-echo"], config: { plugins } });
  const code = codeOf(home.path, "bench-echo");
  for (let number = 0; number < installed; number++) installVersion(home.path, "bench-echo", "1", code, name(number));
  return home;
}

export const coldStart: Part = async ({ installation: installed }) => {
  const installation = await installed();
  const part = "cold start to ready, whole process";
  const bare = await bareStarts();
  // Beside the default set one of the bench's own is always there.
  const least = defaultPlugins.length + 1;
  const more = many - least;
  const few = await starts(installation, homeWith(installation, 0, 0));
  const installedOnly = await starts(installation, homeWith(installation, more, 0));
  const all = await starts(installation, homeWith(installation, more, more));
  const figure = (what: string, value: number, more: Partial<Figure> = {}): Figure => ({ part, what, value, unit: "ms", ...more });
  return [
    figure(`${least} plugins enabled`, few.wall, { bare, target: { atMost: 80 } }),
    figure(`${least} plugins enabled: processor time`, few.cpu),
    figure(`${least} plugins enabled, first start of a new home`, few.first),
    figure(`${many} plugins installed, ${least} enabled`, installedOnly.wall, { bare, target: { atMost: 200 } }),
    figure(`${many} plugins installed and enabled`, all.wall, { bare, target: { atMost: 200 } }),
    figure(`${many} plugins installed and enabled: processor time`, all.cpu),
  ];
};
