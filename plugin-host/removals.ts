/** What ends with a plugin that was removed: secrets that it was granted are not for whatever comes to lie under its name. */
import type { KeyValueStore, Logger } from "@pincer/plugin-sdk";
import { secrets } from "@pincer/plugin-sdk/contracts/secrets";
import type { Capabilities } from "./capabilities.ts";

const io = { signal: new AbortController().signal };
const kernel = { id: "kernel", assertLive: () => undefined };

/** What it returns is told who is installed now. `kept` is where it remembers that, so that it also sees what was removed while nothing ran. */
export function createRemovals(kept: KeyValueStore, log: Logger, capabilities: Capabilities) {
  return async (installed: readonly string[]): Promise<void> => {
    const before = (await kept.get<readonly string[]>("installed")) ?? [];
    if (Bun.deepEquals(before, installed)) return;
    const gone = before.filter((id) => !installed.includes(id));
    if (gone.length > 0 && capabilities.isProvided(secrets)) {
      const { grants, grant } = capabilities.handle(secrets, kernel);
      for (const { name, plugin } of (await grants({}, io)).grants.filter((one) => gone.includes(one.plugin))) {
        await grant({ name, plugin, granted: false }, io);
        log.info("plugin.grant-ended", { plugin, secret: name });
      }
    }
    await kept.set({ installed });
  };
}
