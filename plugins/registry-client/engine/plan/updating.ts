/** The newest version that may take the place of what is installed. */
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import type { Published } from "@pincer/registry/client/client";
import { compareVersions, type PackageName } from "@pincer/registry/name";
import { clientErrors, isRevoked } from "../../errors.ts";
import type { Notice } from "../../notice.ts";
import type { Candidate, Wanted } from "../../sources/source.ts";
import { resolved } from "../../sources/sources.ts";
import type { LockEntry } from "../home/lock.ts";
import type { EmbeddedPackages } from "../package/embedded.ts";
import { saidByRegistry } from "../package/registry-said.ts";
import { isKeyRevoked, revokedNotices } from "../revocation/revoked.ts";
import type { Surroundings } from "../surroundings.ts";
import { enabling } from "./enabling.ts";
import { placing } from "./placing.ts";
import { keeping, type Prepared } from "./prepared.ts";

const hourMs = 3_600_000;

export async function updating(
  surroundings: Surroundings,
  embedded: EmbeddedPackages,
  name: PackageName,
  entry: LockEntry,
  fetched: (candidate: Candidate) => Promise<readonly ArchiveEntry[]>,
  signal: AbortSignal,
): Promise<Prepared> {
  const { origin } = entry;
  if (origin.from === "embedded") {
    const own = embedded.find(name.id);
    if (!own) throw clientErrors.REGISTRY_CLIENT_UNKNOWN(`this Pincer has no plugin ${name.id} any more: "pincer remove ${name.id}"`);
    const next = enabling(own, entry);
    return next.item.digest === entry.digest ? keeping(name, entry) : next;
  }
  if (origin.from === "registry") {
    const { registries } = surroundings.sources;
    if (!registries.names.includes(origin.registry)) return keeping(name, entry, [unconfigured(origin.registry)]);
    const [found] = await registries.find(name, origin.registry, signal).catch((error) => {
      if (isRevoked(error)) return [error];
      throw error;
    });
    if (found instanceof Error) return keeping(name, entry, [{ code: "revoked", level: "warning", text: found.message }]);
    if (!found) return keeping(name, entry, [{ code: "gone", level: "warning", text: `${origin.registry} does not have it any more` }]);
    const { release: newer, notices: ofAge } = newest(found.releases, entry.version, surroundings);
    const notices = [...revokedNotices(surroundings.home, registries, name, entry), ...ofAge];
    const release =
      newer ??
      (isKeyRevoked(registries, entry) ? found.releases.find(({ path, notes }) => path === origin.path && !notes.yanked) : undefined);
    if (!release) return keeping(name, entry, notices);
    const candidate = registries.candidate(found, release);
    const said = await saidByRegistry(candidate, entry.version, registries, signal);
    return placing(surroundings, candidate, entry, fetched, { action: "update", notices: [...notices, ...said], signal });
  }
  const wanted = wantedAgain(entry);
  if (!wanted) return keeping(name, entry, [{ code: "fixed", level: "note", text: "an archive has no newer version" }]);
  const candidate = await resolved(surroundings.sources, wanted, signal);
  return placing(surroundings, candidate, entry, fetched, { action: "update", signal });
}

const unconfigured = (registry: string): Notice => ({
  code: "gone",
  level: "warning",
  text: `nobody asks ${registry} any more: "pincer registry add ${registry} <address> --root <file>" has it asked again`,
});

function wantedAgain({ origin }: LockEntry): Exclude<Wanted, { from: "embedded" }> | undefined {
  switch (origin.from) {
    case "npm":
      return { from: "npm", name: origin.name };
    case "git":
      return {
        ...{ from: "git", url: origin.url },
        ...(origin.inside !== undefined && { inside: origin.inside }),
        ...(origin.ref !== undefined && { ref: origin.ref }),
      };
    case "clawhub":
      return { from: "clawhub", slug: origin.slug, site: origin.site };
    case "folder":
      return { from: "folder", path: origin.path };
    default:
      return undefined;
  }
}

interface Chosen {
  readonly release?: Published;
  readonly notices: readonly Notice[];
}

/** A version has to have been out for a while: what somebody published with a stolen key is found out, and taken back, in the meantime. */
function newest(releases: readonly Published[], present: string, { config: { cooldownHours }, now, firstSeen }: Surroundings): Chosen {
  const newer = releases.filter(({ version, notes }) => compareVersions(version, present) > 0 && !notes.yanked && !version.includes("-"));
  const bornAt = (one: Published) => Math.max(Date.parse(one.notes.publishedAt), firstSeen?.(one) ?? 0);
  const ageMs = (one: Published) => now() - bornAt(one);
  const release = newer.find((one) => ageMs(one) >= cooldownHours * hourMs);
  const waiting = newer.filter(
    (one) => ageMs(one) < cooldownHours * hourMs && (!release || compareVersions(one.version, release.version) > 0),
  );
  const notices = waiting.slice(0, 1).map((one): Notice => {
    const { id, version } = one;
    const hours = Math.ceil((cooldownHours * hourMs - ageMs(one)) / hourMs);
    return {
      code: "cool-down",
      level: "note",
      text: `${version} is too new, and comes in ${hours} h; now: "pincer install ${id}@${version}"`,
    };
  });
  const taken = releases.find(({ version }) => version === present)?.notes.yanked;
  const back: Notice[] = taken
    ? [{ code: "yanked", level: "warning", text: `its publisher has taken ${present} back: ${taken.reason}` }]
    : [];
  return { ...(release && { release }), notices: [...back, ...notices] };
}
