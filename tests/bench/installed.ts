/** What 200 plugins cost that are only installed, and what they cost once they are enabled: each with a manifest like those of this repository. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import { starts } from "./cold-start.ts";
import type { Figure } from "./figures.ts";
import { type Home, type Installation, trusted } from "./installation.ts";
import { settled } from "./memory.ts";
import type { Part } from "./part.ts";

export const installed = 200;
/** Of 5 to 7 KB; none of them is looked for before somebody uses it. */
const models = ["tools-files", "secrets", "tools-exec"];
const repository = dirname(dirname(import.meta.dir));

/** As a plugin of somebody else's has it: nothing of it bears a name that another one has. */
function manifestOf(model: string, id: string): string {
  const text = readFileSync(join(repository, "plugins", model, "plugin.json"), "utf8").replaceAll(model, id);
  const { configKey: _, enableWhen: __, generated, ...manifest } = JSON.parse(text) as Manifest;
  const provides = Object.entries(generated?.provides ?? {}).map(([contract, records]) => [
    contract,
    Object.fromEntries(Object.entries(records).map(([name, record]) => [`${name}-${id}`, record])),
  ]);
  return JSON.stringify({ ...manifest, generated: { ...generated, provides: Object.fromEntries(provides) } }, null, 2);
}

function homeOf(installation: Installation, enabled: boolean): Home {
  const ids = Array.from({ length: installed }, (_, number) => `bench-installed-${number}`);
  const plugins = Object.fromEntries(ids.map((id) => [id, { ...trusted, enabled }]));
  const home = installation.home({ config: { plugins } });
  for (const [number, id] of ids.entries()) {
    const folder = join(home.path, "plugins", id, "1");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "plugin.json"), manifestOf(models[number % models.length]!, id));
    writeFileSync(join(home.path, "plugins", id, "current"), "1\n");
  }
  return home;
}

export const manyInstalled: Part = async ({ installation: made }) => {
  const installation = await made();
  const figures: Figure[] = [];
  for (const [how, home] of [
    ["none", installation.home()],
    [`${installed}`, homeOf(installation, false)],
    [`${installed}, all enabled`, homeOf(installation, true)],
  ] as const) {
    const part = "plugins of others that are installed";
    const { first, wall, cpu } = await starts(installation, home);
    await using gateway = await installation.start(home);
    const { private: own } = await settled(gateway.pid);
    figures.push(
      { part, what: `cold start, ${how}`, value: wall, unit: "ms" },
      { part, what: `cold start, ${how}: the first`, value: first, unit: "ms" },
      { part, what: `cold start, ${how}: processor time`, value: cpu, unit: "ms" },
      { part, what: `idle memory of its own, ${how}`, value: own, unit: "MB" },
    );
  }
  return figures;
};
