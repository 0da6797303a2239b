/** A plugin's key-value store that does not grow without end. */
import type { KeyValueStore } from "../plugin.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { createQueue } from "../queue.ts";

const MB = 1024 * 1024;
/** What a value takes beside its text and its key's. */
const perValue = 100;

const sizeOf = (key: string, value: unknown): number =>
  value === undefined ? 0 : key.length + (JSON.stringify(value)?.length ?? 0) + perValue;

/** One for all generations of a plugin. `set` throws `PLUGIN_QUOTA` for what would grow beyond so many megabytes. */
export function limitedValues(plugin: string, store: KeyValueStore, mostMb: () => number): KeyValueStore {
  const inTurn = createQueue();
  let known: Map<string, number> | undefined;
  let total = 0;
  return {
    get: (key) => store.get(key),
    list: (prefix) => store.list(prefix),
    set: (changes) =>
      inTurn(async () => {
        if (!known) {
          known = new Map((await store.list("")).map(({ key, value }) => [key, sizeOf(key, value)]));
          total = known.values().reduce((sum, size) => sum + size, 0);
        }
        const sizes = known;
        const next = Object.entries(changes).map(([key, value]) => [key, sizeOf(key, value)] as const);
        const then = next.reduce((sum, [key, size]) => sum + size - (sizes.get(key) ?? 0), total);
        if (then > mostMb() * MB && then > total)
          throw pluginErrors.PLUGIN_QUOTA(
            `${plugin} would keep values of ${Math.ceil(then / MB)} MB; it may ${mostMb()} (gateway.plugins.valuesMb): let it forget some first`,
          );
        await store.set(changes);
        total = then;
        for (const [key, size] of next)
          if (size === 0) sizes.delete(key);
          else sizes.set(key, size);
      }),
  };
}
