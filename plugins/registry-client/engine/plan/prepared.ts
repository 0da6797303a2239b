/** What a plan shows of one package, with the step that would do it. */
import type { PackageName } from "@pincer/registry/name";
import type { Notice } from "../../notice.ts";
import { shownOrigin } from "../../sources/sources.ts";
import type { LockEntry } from "../home/lock.ts";
import { installedAbout } from "../package/installed.ts";
import { compare, shownPublisher } from "../package/review.ts";
import type { PlanItem } from "./plan.ts";
import type { Step } from "./step.ts";

export interface Prepared {
  readonly item: PlanItem;
  readonly step: Step;
}

export const nothing: Pick<PlanItem, "permissions" | "gained" | "lost" | "modelText" | "notices" | "needs"> = {
  ...{ permissions: [], gained: [], lost: [], modelText: [], notices: [], needs: [] },
};

/** What the lock says, which lies there still beside another version that counts. */
export function standing(home: string, name: PackageName, entry: LockEntry): Prepared {
  const about = installedAbout(home, name, entry.digest);
  const item: PlanItem = {
    ...nothing,
    ...{ ...name, action: "restore", summary: about?.summary ?? "", to: entry.version, source: "the version that was kept" },
    ...{ digest: entry.digest, ...(entry.publisher && { publisher: shownPublisher(entry.publisher) }) },
    ...(about && compare(undefined, about)),
  };
  return { item, step: { do: "place", name, entry } };
}

/** What stays as it is, and why. */
export const keeping = (name: PackageName, { version, origin }: LockEntry, notices: readonly Notice[] = []): Prepared => ({
  item: {
    ...nothing,
    ...name,
    action: "keep",
    summary: "",
    from: version,
    to: version,
    source: shownOrigin(origin),
    notices: [...notices],
  },
  step: { do: "nothing" },
});
