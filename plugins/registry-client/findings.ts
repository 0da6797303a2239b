/** For `pincer doctor`: what is wrong with what is installed, and what to type. */
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import { readBegun } from "./engine/apply/journal.ts";
import { driftOf, saidUnlocked, unlockedIn } from "./engine/home/drift.ts";
import { isLinked } from "./engine/home/layout.ts";
import { nameOf, type Packages, readLock } from "./engine/home/lock.ts";
import { shownDrift } from "./engine/home/record.ts";
import { revokedNow } from "./engine/revocation/revoked.ts";
import type { check } from "./methods.ts";
import type { Trouble } from "./watch.ts";

type Finding = ResultOf<typeof check>["findings"][number];

export async function findingsIn(home: string, troubles: readonly Trouble[]): Promise<Finding[]> {
  let packages: Packages;
  try {
    packages = readLock(home);
  } catch (error) {
    return [{ check: "lock", level: "error", detail: errorMessage(error), mend: "restore pincer.lock from a backup" }];
  }
  const findings = [...interrupted(home), ...troubles.map(ofRegistry), ...(await changed(home, packages))];
  const count = Object.keys(packages).length;
  if (findings.length > 0 || count === 0) return findings;
  return [{ check: "packages", level: "ok", detail: `${count} installed, each as pincer.lock says` }];
}

function interrupted(home: string): Finding[] {
  try {
    readBegun(home);
    return [];
  } catch (error) {
    return [{ check: "installation", level: "error", detail: errorMessage(error).split(": ")[0]!, mend: "pincer install --frozen --mend" }];
  }
}

const mends: Readonly<Record<string, (registry: string) => string>> = {
  REGISTRY_METADATA_EXPIRED: (registry) => `whoever runs ${registry} types: pincer registry renew <its folder>`,
  REGISTRY_UNREACHABLE: () => "pincer registry list shows its address",
  REGISTRY_REVOKED: (registry) => `ask whoever runs ${registry} for its next root, or remove what comes from it`,
};

const ofRegistry = ({ registry, code, said }: Trouble): Finding => ({
  ...{ check: "registry", level: code === "REGISTRY_UNREACHABLE" ? "warning" : "error", detail: said },
  mend: mends[code]?.(registry) ?? `nothing is installed from ${registry} until whoever runs it has mended it`,
});

async function changed(home: string, packages: Packages): Promise<Finding[]> {
  const wrong = (detail: string, mend: string): Finding => ({ check: "package", level: "error", detail, mend });
  const findings = [...unlockedIn(home, packages)].map((name) => wrong(saidUnlocked(name), "pincer install --frozen says more"));
  for (const [key, entry] of Object.entries(packages)) {
    const name = nameOf(key);
    if (entry.origin.from === "embedded" || isLinked(home, name)) continue;
    const revoked = name.kind === "skills" ? revokedNow(home, name) : undefined; // of a plugin its host says so
    const [said, next] = revoked?.split("; what to type: ") ?? [];
    if (said !== undefined) findings.push(wrong(said, next ?? "pincer list"));
    const drift = await driftOf(home, name, entry);
    if (!drift) findings.push(wrong(`${name.id}: it is in pincer.lock, and not installed`, "pincer install --frozen"));
    else if (drift.length > 0) findings.push(wrong(`${name.id}: ${shownDrift(drift)}`, "pincer install --frozen --mend"));
  }
  return findings;
}
