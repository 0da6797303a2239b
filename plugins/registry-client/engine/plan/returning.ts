/** Back to the version before, which lies there still; where somebody has changed it there, it is taken anew from where it came. */
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { PackageName } from "@pincer/registry/name";
import { clientErrors } from "../../errors.ts";
import { folderOf } from "../home/layout.ts";
import { type LockEntry, versionIn } from "../home/lock.ts";
import { driftIn, shownDrift } from "../home/record.ts";
import { installedAbout } from "../package/installed.ts";
import { compare, shownPublisher } from "../package/review.ts";
import { requireUnrevoked } from "../revocation/revoked.ts";
import type { Surroundings } from "../surroundings.ts";
import { changed } from "./changed-here.ts";
import type { PlanItem } from "./plan.ts";
import { nothing, type Prepared } from "./prepared.ts";
import { fetchedAgain } from "./restoring.ts";

export async function returning(surroundings: Surroundings, name: PackageName, entry: LockEntry, signal: AbortSignal): Promise<Prepared> {
  const { home, sources } = surroundings;
  const { before } = entry;
  if (!before) throw clientErrors.REGISTRY_CLIENT_NOTHING_KEPT(`of ${name.id} no version before ${entry.version} is kept`);
  requireUnrevoked(home, sources.registries, name, before);
  const drift = await driftIn(folderOf(home, name, before.digest), before);
  const again = drift.length > 0 ? await anew(surroundings, name, before, drift, signal) : undefined;
  const then = again?.about ?? installedAbout(home, name, before.digest);
  if (!then) throw clientErrors.REGISTRY_CLIENT_NOTHING_KEPT(`of ${name.id} ${before.version}, which was kept, nothing can be read`);
  const difference = compare(installedAbout(home, name), then);
  const item: PlanItem = {
    ...nothing,
    ...{ ...name, action: "rollback", summary: then.summary, from: entry.version, to: before.version },
    ...{ source: again?.source ?? "the version that was kept", digest: before.digest },
    ...(before.publisher && { publisher: shownPublisher(before.publisher) }),
    ...difference,
    // Where one goes back and forth, the version before may be the one that may more.
    needs: [...difference.gained],
    notices: again ? [changed(`the version that was kept is not as it was installed: ${shownDrift(drift)}`)] : [],
  };
  const next: LockEntry = { ...before, ...(entry.pinned && { pinned: true }), before: versionIn(entry) };
  return { item, step: { do: "place", name, entry: next, ...(again && { files: again.files }) } };
}

async function anew(surroundings: Surroundings, name: PackageName, before: LockEntry, drift: readonly string[], signal: AbortSignal) {
  try {
    return await fetchedAgain(surroundings, name, before, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw clientErrors.REGISTRY_CLIENT_DRIFT(
      `${name.id} ${before.version}, which was kept, is not as it was installed (${shownDrift(drift)}), and cannot be had again: ${errorMessage(error)}`,
      { data: { drift: [...drift] } },
    );
  }
}
