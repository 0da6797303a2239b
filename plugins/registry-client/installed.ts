/** What is installed, as it is listed. */
import type { ResultOf } from "@pincer/plugin-sdk/method";
import { type PackageName, wordOf } from "@pincer/registry/name";
import type { Engine } from "./engine/engine.ts";
import { nameOf } from "./engine/home/lock.ts";
import { readAutomatic } from "./engine/home/memory.ts";
import type { list } from "./methods.ts";
import { shownOrigin } from "./sources/sources.ts";

export type Installed = ResultOf<typeof list>["packages"][number];

/** Of what a plugin may provide, that by which people call it. */
const callings = ["channel", "provider", "tool"];

function callingOf(name: PackageName, engine: Engine): string {
  const provides = name.kind === "plugins" ? engine.manifestOf(name)?.generated?.provides : undefined;
  return callings.find((contract) => provides?.[contract]) ?? wordOf(name.kind);
}

export function listed(home: string, engine: Engine): Installed[] {
  const automatic = readAutomatic(home);
  return Object.entries(engine.packages()).map(([key, entry]) => {
    const { version, origin, digest, publisher, pinned = false, before } = entry;
    const last = automatic[key];
    // Of another version it says nothing any more, or not yet.
    const isOfNow = last && (last.version === version) === (last.outcome === "updated");
    return {
      ...nameOf(key),
      is: callingOf(nameOf(key), engine),
      ...{ version, source: shownOrigin(origin), digest, publisher: publisher?.name ?? null, pinned, before: before?.version ?? null },
      ...{ revoked: engine.revoked(nameOf(key), entry) ?? null, automatic: isOfNow ? last.said : null },
    };
  });
}
