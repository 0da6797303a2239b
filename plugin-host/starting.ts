/** In which order plugins start that want to be active from the start, or have failed. */
import type { Plugin } from "./plugin.ts";
import type { Table } from "./table.ts";

/**
 * Activates them side by side, each after those among them whose capabilities it uses. Nobody needs the order to work, since every use
 * activates what it needs: a cycle is reported, and its plugins start all the same. One that fails keeps its error, and stops no other.
 */
export async function startInOrder(plugins: readonly Plugin[], table: Table, cycle: (ids: readonly string[]) => void): Promise<void> {
  const wanted = plugins.filter(({ found, error }) => error || found.manifest?.activate === "start");
  const starting = new Map(wanted.map((plugin) => [plugin.id, plugin]));
  const begun = new Map<string, Promise<unknown>>();

  const needs = ({ id, found }: Plugin): Set<string> => {
    const contracts = Object.keys(found.manifest?.generated?.uses ?? {});
    const providers = contracts.flatMap((contract) => table.providers(contract).map(({ plugin }) => plugin));
    return new Set(providers.filter((provider) => provider !== id && starting.has(provider)));
  };
  const begin = (id: string, trail: readonly string[]): Promise<unknown> => {
    const known = begun.get(id);
    if (known) return known;
    if (trail.includes(id)) {
      cycle([...trail.slice(trail.indexOf(id)), id]);
      return Promise.resolve();
    }
    const plugin = starting.get(id)!;
    const before = Promise.all([...needs(plugin)].map((other) => begin(other, [...trail, id])));
    const done = before.then(() => plugin.activate()).catch(() => undefined); // silent-ok: the plugin has reported and keeps its error
    begun.set(id, done);
    return done;
  };
  await Promise.all([...starting.keys()].map((id) => begin(id, [])));
}
