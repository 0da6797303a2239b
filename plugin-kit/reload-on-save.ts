/** Development: a saved file brings the plugin's manifest up to date and swaps the plugin. What is wrong is said with file, line and reason. */
import { existsSync, readFileSync, watch } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join, sep } from "node:path";
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import { recordManifest } from "./record.ts";

/** Editors write in several steps; the files are read when they have been quiet for so long. */
const settleMs = 50;
const ignored = /(^|\/)(node_modules|\.build|dist|\.[^/]*)(\/|$)|\.test\.tsx?$|~$/;

/** The host of a gateway that runs. */
interface Host {
  list(): readonly { readonly id: string; readonly folder: string; readonly origin: string; readonly isolation: string }[];
  reload(id: string): Promise<{ readonly generation: number; readonly visibleMs: number }>;
}

const unrecorded = { file: "", text: "", next: "" };

/** Follows the folders of all plugins that a host has now, until disposed. */
export function reloadOnSave(host: Host, clock: Clock, log: Logger): Disposable {
  const pending = new Map<string, Disposable>();
  const written = new Map<string, string>();
  let swapping: Promise<void> = Promise.resolve();

  const swap = async (id: string, folder: string): Promise<void> => {
    try {
      // To record a manifest runs the code here: not that of a plugin which runs confined.
      const { origin, isolation } = host.list().find((one) => one.id === id) ?? {};
      const { file, text, next } = origin === "installed" && isolation === "process" ? unrecorded : await recordManifest(folder, clock);
      if (text !== next) {
        written.set(file, next);
        await writeFile(file, next);
      }
      const { generation, visibleMs } = await host.reload(id);
      log.info("plugin.swapped", { plugin: id, generation, visibleMs });
    } catch (error) {
      log.error("plugin.not-swapped", { plugin: id, error: errorMessage(error), ...(isGatewayError(error) && error.data) });
    }
  };

  /** What was written here comes back as an event. */
  const isOurs = (path: string) => written.has(path) && existsSync(path) && readFileSync(path, "utf8") === written.get(path);

  const watchers = host.list().map(({ id, folder }) =>
    watch(folder, { recursive: true, persistent: false }, (_, name) => {
      if (name === null || ignored.test(name.split(sep).join("/")) || isOurs(join(folder, name))) return;
      pending.get(id)?.[Symbol.dispose]();
      const saved = () => {
        swapping = swapping.then(() => swap(id, folder));
      };
      pending.set(id, clock.after(settleMs, saved));
    }).on("error", (error) => log.warn("plugin.watch-failed", { plugin: id, error: errorMessage(error) })),
  );
  return {
    [Symbol.dispose]() {
      for (const timer of pending.values()) timer[Symbol.dispose]();
      for (const watcher of watchers) watcher.close();
    },
  };
}
