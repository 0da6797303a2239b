/** What is kept here of a package whose registry does not answer: what the lock names was chosen, checked and said yes to before. */
import { errorMessage } from "@pincer/plugin-sdk/error";
import { RegistryError } from "@pincer/registry/error";
import type { Candidate, Wanted } from "../../sources/source.ts";
import { keptArchive } from "../home/cache.ts";
import { type LockEntry, versionsIn } from "../home/lock.ts";
import { requireUnrevoked } from "../revocation/revoked.ts";
import type { Surroundings } from "../surroundings.ts";

type Named = Extract<Wanted, { from: "registry" }>;

/** Throws `failure` when that is of another kind, or nothing that would do is kept; `REGISTRY_CLIENT_REVOKED`. */
export async function keptInstead(
  { home, sources }: Surroundings,
  { kind, id, range, registry }: Named,
  entry: LockEntry | undefined,
  failure: unknown,
): Promise<Candidate> {
  if (!(failure instanceof RegistryError && failure.code === "REGISTRY_UNREACHABLE") || !entry) throw failure;
  for (const locked of versionsIn(entry)) {
    const { version, origin, digest, publisher } = locked;
    const fits = range === undefined || version === range || Bun.semver.satisfies(version, range);
    if (!fits || origin.from !== "registry" || origin.registry !== (registry ?? origin.registry)) continue;
    const files = await keptArchive(home, digest);
    if (!files) continue;
    requireUnrevoked(home, sources.registries, { kind, id }, locked);
    const text = `${origin.registry} does not answer, so this is what the cache holds of it, as it was installed before: whether there is something newer, or it was taken back, is not known (${errorMessage(failure)})`;
    return {
      ...{ kind, id, version, origin, files: async () => files, notices: [{ code: "from-cache", level: "warning", text }] },
      ...(publisher && { publisher }),
    };
  }
  throw failure;
}
