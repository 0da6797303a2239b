/** Installs what a plugin needs, in a process of its own, so that a test can kill it: `<home> <folder> <registry>`; it writes a line for each step. */
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createDependencies } from "../../plugins/registry-client/dependencies/dependencies.ts";
import { npmRegistry } from "../../plugins/registry-client/sources/npm-registry.ts";
import { npmSettings } from "../../plugins/registry-client/sources/npm-settings.ts";

const [home = "", folder = "", registry = ""] = process.argv.slice(2);
const settings = npmSettings({ env: { BUN_CONFIG_REGISTRY: registry }, home, ask: async () => "" });
const npm = npmRegistry(settings, { fetch, clock: systemClock });
await createDependencies({ home, now: () => systemClock.now(), npm }).install(
  folder,
  (line) => console.log(line),
  new AbortController().signal,
);
console.log("installed");
