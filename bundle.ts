/** Bundles the CLI, the gateway, the store's writer, the registry's scanner and the plugins of the default set into `.build/`, for a start that transpiles nothing. */
import { readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { processStart, runningPrefix } from "./kernel/cli/home.ts";
import defaultPlugins from "./kernel/default-plugins.json" with { type: "json" };
import { discover, type Found } from "./plugin-host/discovery.ts";
import { buildGateway } from "./plugin-kit/gateway-bundle.ts";
import { installDependencies, needsDependencies } from "./plugin-kit/install.ts";

/** Older bundles that stay for a command that has just begun; one from which a gateway runs stays in any case. */
const kept = 2;

/** Answers the folder of the new bundle; `current` in `.build/` names it from then on. */
async function build(repository: string, say: (line: string) => void): Promise<string> {
  const root = { path: join(repository, "plugins"), layout: "source" } as const;
  // One plugin that is broken must not keep the others from starting; the gateway says what is wrong with it.
  const found = [...discover([root]).values()];
  for (const { error } of found) if (error) say(`left out: ${error.message}`);
  const sound = found.filter(({ manifest }) => manifest);
  const isDefault = ({ id }: Found) => defaultPlugins.includes(id);
  const plugins = sound.filter(isDefault).map(({ folder }) => folder);
  const others = sound.filter((plugin) => !isDefault(plugin)).map(({ folder }) => folder);
  for (const folder of plugins.filter(needsDependencies)) {
    say(`installing the packages of ${folder}`);
    await installDependencies(folder, () => undefined);
  }
  const builds = join(repository, ".build");
  const name = `${Date.now().toString(36)}-${process.pid}`;
  const out = join(builds, name);
  await buildGateway({ repository, out, plugins, others });
  const pointer = join(builds, `current.${process.pid}`);
  writeFileSync(pointer, name);
  renameSync(pointer, join(builds, "current"));
  const older = readdirSync(builds, { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name !== name);
  const byAge = older.map((entry) => join(builds, entry.name)).sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  for (const folder of byAge.filter((one) => !isUsed(one)).slice(kept)) rmSync(folder, { recursive: true, force: true });
  return out;
}

/** A gateway that runs loads the rest of its bundle when it needs it, and has left its pid there. */
const isUsed = (bundle: string): boolean =>
  readdirSync(bundle).some(
    (name) => name.startsWith(runningPrefix) && processStart(Number(name.slice(runningPrefix.length))) !== undefined,
  );

if (import.meta.main) {
  try {
    await build(import.meta.dir, (line) => console.error(line));
  } catch (error) {
    console.error(errorMessage(error));
    process.exitCode = 1;
  }
}
