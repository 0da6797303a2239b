/** A plugin or a skill in a package of npm: its archive is fetched and checked, and nothing that the package would like to have run is run. */
import { type Checksum, strongestOf } from "@pincer/plugin-kit/packages/integrity";
import { archiveLimits, readArchive } from "@pincer/registry/archive/read";
import { RegistryError } from "@pincer/registry/error";
import { clientErrors } from "../errors.ts";
import type { Notice } from "../notice.ts";
import { identityOf } from "./identity.ts";
import { lockedCandidate } from "./locked.ts";
import { isNpmName, isNpmRange, isSemverRange } from "./npm-name.ts";
import type { NpmRegistryClient, PackageDocument, PackageVersion } from "./npm-registry.ts";
import type { PackageSource, Wanted } from "./source.ts";

export function npmPackages(registry: NpmRegistryClient): PackageSource<Wanted & { readonly from: "npm" }> {
  const unpacked = async (name: string, version: string, checksum: Checksum, at: string | undefined, signal: AbortSignal) => {
    const limit = archiveLimits.packedBytes;
    const bytes = await registry.archive({ name, version, checksum, limit, ...(at !== undefined && { at }) }, signal);
    return { bytes, files: await readArchive([bytes], { inside: "package" }) };
  };

  return {
    async resolve({ name, range = "latest" }, signal) {
      if (!isNpmName(name) || !isNpmRange(range))
        throw clientErrors.REGISTRY_CLIENT_WANTED_INVALID(
          `npm:${name}@${range}: expected a package's name, and a version, a range or a tag`,
        );
      const document = await registry.document(name, signal);
      const { version, dist, deprecated } = chosen(document, range);
      const checksum = strongestOf(dist.integrity ?? "");
      if (!checksum)
        throw new RegistryError(
          "REGISTRY_METADATA_INVALID",
          `npm's registry has no checksum of ${name} ${version} that can be trusted (SHA-1 cannot)`,
        );
      const { bytes, files } = await unpacked(name, version, checksum, dist.tarball, signal);
      const found = identityOf(files, `npm:${name}@${version}`);
      const notices: readonly Notice[] = [
        ...(deprecated === undefined ? [] : [warning("deprecated", `its author gave ${name} ${version} up: ${shown(deprecated)}`)]),
        ...(found.version === version
          ? []
          : [warning("other-version", `npm has it as version ${version}, and it says itself that it is ${found.version}`)]),
      ];
      return {
        ...found,
        origin: { from: "npm", name, integrity: integrityOf(checksum) },
        size: bytes.length,
        notices,
        files: async () => files,
      };
    },

    exactly: (origin, locked) =>
      lockedCandidate({
        origin,
        locked,
        async read(signal) {
          const checksum = strongestOf(origin.integrity);
          if (!checksum) throw new RegistryError("REGISTRY_FILE_WRONG", `the lock has no checksum of ${origin.name} that can be trusted`);
          const document = await registry.document(origin.name, signal);
          const same = Object.values(document.versions).find(({ dist }) => isSame(strongestOf(dist.integrity ?? ""), checksum));
          if (!same)
            throw new RegistryError("REGISTRY_FILE_WRONG", `no version of ${origin.name} is the one that is locked (${origin.integrity})`);
          return (await unpacked(origin.name, same.version, checksum, same.dist.tarball, signal)).files;
        },
      }),
  };
}

/** As npm chooses: a tag's version; else what is tagged `latest`, where it is in the range; else the newest in it. What was given up comes last. */
function chosen(document: PackageDocument, range: string): PackageVersion {
  const { name, versions } = document;
  const at = (version: string | undefined) => (version !== undefined && Object.hasOwn(versions, version) ? versions[version] : undefined);
  const tag = (called: string) => (Object.hasOwn(document["dist-tags"], called) ? document["dist-tags"][called] : undefined);
  const exact = at(range) ?? at(tag(range));
  if (exact) return exact;
  const isRange = isSemverRange(range);
  const latest = at(tag("latest"));
  if (isRange && latest && !latest.deprecated && Bun.semver.satisfies(latest.version, range)) return latest;
  const fitting = Object.values(versions).filter(({ version }) => isRange && Bun.semver.satisfies(version, range));
  const [best] = fitting.sort(
    (a, b) => Number(a.deprecated !== undefined) - Number(b.deprecated !== undefined) || Bun.semver.order(b.version, a.version),
  );
  if (best) return best;
  const newest = Object.keys(versions).sort(Bun.semver.order).slice(-3).reverse();
  const tags = Object.keys(document["dist-tags"]).slice(0, 5);
  throw new RegistryError(
    "REGISTRY_NOT_FOUND",
    `npm's registry has no ${name}@${range}; the newest are ${newest.join(", ") || "none"}, and its tags ${tags.join(", ") || "none"}`,
  );
}

const isSame = (a: Checksum | undefined, b: Checksum) => a?.algorithm === b.algorithm && a.hex === b.hex;
const integrityOf = ({ algorithm, hex }: Checksum) => `${algorithm}-${Buffer.from(hex, "hex").toString("base64")}`;
const warning = (code: string, text: string): Notice => ({ code, level: "warning", text });

/** One line, without what nobody sees. */
const shown = (text: string) =>
  text
    .replace(/[\p{C}\s]+/gu, " ")
    .trim()
    .slice(0, 300);
