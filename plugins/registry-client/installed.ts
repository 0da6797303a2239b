/** What is installed, as it is listed. */
import type { ResultOf } from "@pincer/plugin-sdk/method";
import { nameOf, type Packages } from "./engine/lock.ts";
import { readAutomatic } from "./engine/memory.ts";
import { revokedNow } from "./engine/revoked.ts";
import { shownOrigin } from "./engine/sources.ts";
import type { list } from "./methods.ts";

export type Installed = ResultOf<typeof list>["packages"][number];

export function listed(home: string, packages: Packages): Installed[] {
  const automatic = readAutomatic(home);
  return Object.entries(packages).map(([key, { version, origin, digest, publisher, pinned = false, before }]) => {
    const last = automatic[key];
    // Of another version it says nothing any more, or not yet.
    const isOfNow = last && (last.version === version) === (last.outcome === "updated");
    return {
      ...nameOf(key),
      ...{ version, source: shownOrigin(origin), digest, publisher: publisher?.name ?? null, pinned, before: before?.version ?? null },
      ...{ revoked: revokedNow(home, nameOf(key)) ?? null, automatic: isOfNow ? last.said : null },
    };
  });
}
