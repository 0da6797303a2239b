/** How many bytes a publisher may have published, in a day and in all, and how many the registry holds; of what the signed lists say, so that no restart forgets it. */
import type { Database } from "bun:sqlite";
import { RegistryError } from "../error.ts";
import { readNotes } from "../notes.ts";
import type { Signed } from "../trust/metadata.ts";
import { Later } from "./problem.ts";
import type { ServerSettings } from "./settings.ts";

const dayMs = 24 * 60 * 60 * 1000;

export interface Quota {
  /** That there is room for what is new in the next list of that publisher. Throws `REGISTRY_QUOTA_EXCEEDED`, `REGISTRY_RATE_LIMITED`. */
  require(publisher: string, before: Signed<"targets">["targets"], next: Signed<"targets">["targets"]): void;
}

export function createQuota(database: Database, { bytes: most }: ServerSettings, now: () => number): Quota {
  const ofOthers = database.query<{ bytes: number }, [string]>("SELECT coalesce(sum(bytes), 0) AS bytes FROM sizes WHERE publisher <> ?");
  const exceeded = (why: string) => new RegistryError("REGISTRY_QUOTA_EXCEEDED", why);
  return {
    require(publisher, before, next) {
      const paths = Object.keys(next);
      const fresh = paths.filter((path) => !before[path]);
      // What takes back, or tags, is never too much.
      if (fresh.length === 0) return;
      const bytesOf = (some: readonly string[]) => some.reduce((sum, path) => sum + next[path]!.length, 0);
      const [all, added] = [bytesOf(paths), bytesOf(fresh)];
      if (all > most.perPublisher) throw exceeded(`expected at most ${most.perPublisher} bytes of ${publisher}'s in all, came ${all}`);
      const held = all + ofOthers.get(publisher)!.bytes;
      if (held > most.inAll)
        throw exceeded(`expected at most ${most.inAll} bytes in this registry, and with these there are ${held}: its operator sets more`);
      if (added > most.perDay) throw exceeded(`expected at most ${most.perDay} bytes of ${publisher}'s in a day, came ${added}`);
      const lately = paths
        .map((path) => ({
          at: Date.parse(readNotes(next[path]!.custom, path).publishedAt),
          length: next[path]!.length,
          isNew: !before[path],
        }))
        .filter(({ at, isNew }) => isNew || at > now() - dayMs)
        .sort((a, b) => Number(a.isNew) - Number(b.isNew) || a.at - b.at);
      let over = lately.reduce((sum, { length }) => sum + length, 0) - most.perDay;
      if (over <= 0) return;
      // Until as many of the oldest are older than a day.
      const last = lately.find(({ length }) => {
        over -= length;
        return over <= 0;
      });
      const seconds = (last!.at + dayMs - now()) / 1000;
      throw new Later("REGISTRY_RATE_LIMITED", `expected at most ${most.perDay} bytes of ${publisher}'s in a day`, seconds);
    },
  };
}
