/** For `pincer doctor` and `pincer verify`: what is wrong with what is installed, and what to type. */
import { existsSync } from "node:fs";
import { packagesFolder } from "@pincer/plugin-kit/runnable";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import type { PackageName } from "@pincer/registry/name";
import { readBegun } from "./engine/apply/journal.ts";
import { driftOf, saidUnlocked, unlockedIn } from "./engine/home/drift.ts";
import { isLinked } from "./engine/home/layout.ts";
import { type LockEntry, nameOf, type Packages, readLock } from "./engine/home/lock.ts";
import { driftOfOthers, shownDrift } from "./engine/home/record.ts";
import { turnNow } from "./engine/home/turn.ts";
import { createEmbedded } from "./engine/package/embedded.ts";
import { registriesIn, revokedAsKnown, revokedNow } from "./engine/revocation/revoked.ts";
import type { check } from "./methods.ts";
import type { RegistrySources } from "./sources/registry.ts";
import type { Trouble } from "./watch.ts";

export type Finding = ResultOf<typeof check>["findings"][number];

export interface Looked {
  readonly home: string;
  /** Epoch milliseconds. */
  readonly now: number;
  /** The folder with the plugins of this repository. */
  readonly plugins: string;
  /** What a gateway that runs has not heard of. */
  readonly troubles?: readonly Trouble[];
  /** No gateway runs: what nobody should run is known from what was heard last. */
  readonly alone?: { readonly registries: Pick<RegistrySources, "names" | "knownRevocations" | "knownAuthority" | "knownUntil"> };
}

export async function findingsIn(looked: Looked): Promise<readonly Finding[]> {
  const { home, now, troubles = [], alone } = looked;
  let packages: Packages;
  try {
    packages = readLock(home);
  } catch (error) {
    return [{ check: "lock", level: "error", detail: errorMessage(error), mend: "restore pincer.lock from a backup" }];
  }
  const heard = alone ? registriesIn(packages).flatMap((registry) => tooLong(registry, alone, now)) : troubles.map(ofRegistry);
  const findings = [...interrupted(home, now), ...heard, ...(await changed(looked, packages))];
  const count = Object.keys(packages).length;
  if (findings.length > 0 || count === 0) return findings;
  return [{ check: "packages", level: "ok", detail: `${count} installed, each as pincer.lock says` }];
}

function interrupted(home: string, now: number): Finding[] {
  try {
    const begun = readBegun(home);
    if (!begun) return [];
    using turn = turnNow(home, "verify", now);
    if (!turn) return []; // somebody is at it
    const detail = `${begun.name.id}: its ${begun.entry ? "installation" : "removal"} was interrupted; the next one first brings it to an end`;
    return [{ check: "installation", level: "warning", detail, mend: "pincer install --frozen" }];
  } catch (error) {
    return [{ check: "installation", level: "error", detail: errorMessage(error).split(": ")[0]!, mend: "pincer install --frozen --mend" }];
  }
}

const mends: Readonly<Record<string, (registry: string) => string>> = {
  REGISTRY_METADATA_EXPIRED: (registry) => `whoever runs ${registry} types: pincer registry renew <its folder>`,
  REGISTRY_UNREACHABLE: () => "pincer registry list shows its address",
  // None of a registry's own: how it is configured.
  "": () => "pincer registry list shows what is configured",
  REGISTRY_REVOKED: (registry) => `ask whoever runs ${registry} for its next root, or remove what comes from it`,
};

const ofRegistry = ({ registry, code, said }: Trouble): Finding => ({
  ...{ check: "registry", level: code === "REGISTRY_UNREACHABLE" ? "warning" : "error", detail: said },
  mend: mends[code]?.(registry) ?? `nothing is installed from ${registry} until whoever runs it has mended it`,
});

const unasked = (registry: string): Finding => ({
  ...{ check: "registry", level: "warning" },
  detail: `${registry}, which something here is from, is not configured: what it revokes is not known, and nothing comes from it`,
  mend: `pincer registry add ${registry} <address> --root <file>`,
});

/** Nobody asks while no gateway runs, so it is no fault of the registry's. */
function tooLong(registry: string, { registries }: NonNullable<Looked["alone"]>, now: number): Finding[] {
  if (!registries.names.includes(registry)) return [unasked(registry)];
  const until = registries.knownUntil(registry);
  if (until !== undefined && Date.parse(until) > now) return [];
  const heard = until === undefined ? "nothing was ever heard" : `what was heard last counted until ${until}`;
  const detail = `what ${registry} revokes is not known as of now: ${heard}`;
  return [{ check: "registry", level: "warning", detail, mend: "pincer up asks it" }];
}

async function changed({ home, plugins, alone }: Looked, packages: Packages): Promise<Finding[]> {
  const wrong = (detail: string, mend: string): Finding => ({ check: "package", level: "error", detail, mend });
  const findings = [...unlockedIn(home, packages)].map((name) => wrong(saidUnlocked(name), "pincer install --frozen says more"));
  const embedded = createEmbedded(plugins);
  for (const [key, entry] of Object.entries(packages)) {
    const name = nameOf(key);
    if (isLinked(home, name)) continue;
    const [said, next] = revokedWords(home, name, entry, alone)?.split("; what to type: ") ?? [];
    if (said !== undefined) findings.push(wrong(said, next ?? "pincer list"));
    if (entry.origin.from === "embedded") {
      const own = embedded.find(name.id);
      const others = own && packagesFolder(own.folder, home);
      const drift = others !== undefined && existsSync(others) ? await driftOfOthers(others, entry) : [];
      if (drift.length > 0) findings.push(wrong(`${name.id}: ${shownDrift(drift)}`, "pincer install --frozen --mend"));
      continue;
    }
    const drift = await driftOf(home, name, entry);
    if (!drift) findings.push(wrong(`${name.id}: it is in pincer.lock, and not installed`, "pincer install --frozen"));
    else if (drift.length > 0) findings.push(wrong(`${name.id}: ${shownDrift(drift)}`, "pincer install --frozen --mend"));
  }
  return findings;
}

/** Of a plugin its host says so, where one runs. */
function revokedWords(home: string, name: PackageName, entry: LockEntry, alone: Looked["alone"]): string | undefined {
  if (alone) return revokedAsKnown(home, alone.registries, name, entry);
  return name.kind === "skills" ? revokedNow(home, name) : undefined;
}
