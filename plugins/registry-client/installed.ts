/** What is installed, as it is listed. */
import type { ResultOf } from "@pincer/plugin-sdk/method";
import { nameOf, type Packages } from "./engine/lock.ts";
import { revokedNow } from "./engine/revoked.ts";
import { shownOrigin } from "./engine/sources.ts";
import type { list } from "./methods.ts";

export type Installed = ResultOf<typeof list>["packages"][number];

export const listed = (home: string, packages: Packages): Installed[] =>
  Object.entries(packages).map(([key, { version, origin, digest, publisher, pinned = false, before }]) => ({
    ...nameOf(key),
    ...{ version, source: shownOrigin(origin), digest, publisher: publisher?.name ?? null, pinned, before: before?.version ?? null },
    revoked: revokedNow(home, nameOf(key)) ?? null,
  }));
