/** What ends with a plugin that was removed: secrets that it was granted, and where they are to go its values, are not for whatever comes to lie under its name. */
import type { Logger } from "@pincer/plugin-sdk";
import { secrets } from "@pincer/plugin-sdk/contracts/secrets";
import { forgetRemoval, removalOf, removedIn } from "@pincer/plugin-sdk/removed";
import type { Capabilities } from "./capabilities.ts";
import type { PluginHostDeps } from "./deps.ts";

const io = { signal: new AbortController().signal };

/** It remembers who is installed, so that it also sees what was removed while nothing ran. */
export function createRemovals({ home, values }: Pick<PluginHostDeps, "home" | "values">, log: Logger, capabilities: Capabilities) {
  const end = async (gone: readonly string[]): Promise<void> => {
    if (gone.length === 0 || !capabilities.isProvided(secrets)) return;
    const { grants, grant } = capabilities.rely(secrets);
    for (const { name, plugin } of (await grants({}, io)).grants.filter((one) => gone.includes(one.plugin))) {
      await grant({ name, plugin, granted: false }, io);
      log.info("plugin.grant-ended", { plugin, secret: name });
    }
  };
  /** Before anything of that name runs. */
  const settle = async (id: string): Promise<void> => {
    const removal = removalOf(home, id);
    if (!removal) return;
    await end([id]);
    if (removal.data) await values(id).set(Object.fromEntries((await values(id).list("")).map(({ key }) => [key, undefined])));
    forgetRemoval(home, id);
  };
  return {
    settle,
    async installedAre(installed: readonly string[]): Promise<void> {
      for (const id of removedIn(home)) await settle(id);
      const kept = values(""); // no plugin is called nothing
      const before = (await kept.get<readonly string[]>("installed")) ?? [];
      if (Bun.deepEquals(before, installed)) return;
      await end(before.filter((id) => !installed.includes(id)));
      await kept.set({ installed });
    },
  };
}
