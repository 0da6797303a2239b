/** Skills of ClawHub, and of whatever else speaks its API. Nobody signs them there: what is sure is that what comes is what the site lists. */
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import { RegistryError } from "@pincer/registry/error";
import { isVersion } from "@pincer/registry/name";
import { clientErrors } from "../errors.ts";
import type { Notice } from "../notice.ts";
import type { SkillAnswer, SkillVersion } from "./clawhub-answers.ts";
import { requireListed, type SentZip, skillFilesIn, wasScanned } from "./clawhub-checks.ts";
import { parseReference, type SkillReference, shownReference } from "./clawhub-reference.ts";
import { type ClawHubSite, plain } from "./clawhub-site.ts";
import { contentSha256 } from "./contents.ts";
import type { PackageSource, Wanted } from "./source.ts";

/** By its name or its address; the first when it is not said. Throws `REGISTRY_CLIENT_UNKNOWN`. */
export function siteNamed(sites: readonly ClawHubSite[], name: string | undefined): ClawHubSite {
  const site = name === undefined ? sites[0] : sites.find((one) => one.name === name || one.address === name);
  if (site) return site;
  const are = sites.length > 0 ? `configured are: ${sites.map((one) => one.name).join(", ")}` : "none is configured";
  throw clientErrors.REGISTRY_CLIENT_UNKNOWN(`there is no ClawHub-compatible site${name === undefined ? "" : ` "${name}"`}: ${are}`);
}

export function clawHubPackages(sites: readonly ClawHubSite[]): PackageSource<Wanted & { readonly from: "clawhub" }> {
  return {
    async resolve(wanted, signal) {
      const { site: named, ...asked } = parseReference(wanted.slug);
      const site = siteNamed(sites, wanted.site ?? named);
      const page = await site.skill(asked, signal);
      const of = canonical(site, asked, page);
      const version = wanted.version ?? page.latestVersion?.version ?? (await hostedVersion(site, of, signal));
      if (!isVersion(version))
        throw new RegistryError(
          "REGISTRY_METADATA_INVALID",
          `${site.name} has ${of.slug} in a version ${JSON.stringify(plain(version))}: expected one such as 1.2.0`,
        );
      const [listed, zip] = [await site.version(of, version, signal), await site.zip(of, version, signal)];
      const what = `${shownReference(of)} ${version} of ${site.name}`;
      if (listed.version !== version)
        throw new RegistryError("REGISTRY_FILE_WRONG", `${what}: the site answers with version ${plain(listed.version)}`);
      const { all, own } = await skillFilesIn(what, zip, { slug: of.slug, version });
      requireListed(what, all, listed);
      requireSkill(what, own);
      return {
        ...{ kind: "skills", id: of.slug, version, size: zip.bytes.length },
        origin: { from: "clawhub", site: site.address, slug: shownReference(of), sha256: contentSha256(own) },
        notices: noticesOf(page, listed, zip, all),
        files: async () => own,
      };
    },

    exactly: (origin, { id, version }) => ({
      ...{ kind: "skills", id, version, origin },
      async files(signal) {
        // A lock may come from elsewhere: it leads nobody to a site that the operator does not know.
        const site = sites.find(({ address }) => address === origin.site);
        if (!site)
          throw clientErrors.REGISTRY_CLIENT_UNKNOWN(`${id} was installed from ${origin.site}, which is not among the configured sites`);
        const of = parseReference(origin.slug);
        const what = `${origin.slug} ${version} of ${site.name}`;
        const { own } = await skillFilesIn(what, await site.zip(of, version, signal), { slug: of.slug, version });
        const sha256 = contentSha256(own);
        if (sha256 === origin.sha256) return own;
        throw new RegistryError("REGISTRY_FILE_WRONG", `${what} is another one now: expected SHA-256 ${origin.sha256}, came ${sha256}`);
      },
    }),
  };
}

/** With the owner that the site says, which from then on belongs to the name. */
function canonical(
  site: ClawHubSite,
  asked: SkillReference,
  { skill, owner }: SkillAnswer & { readonly skill: { readonly slug: string } },
): SkillReference {
  const handle = owner?.handle?.toLowerCase() || asked.owner;
  const found = { slug: skill.slug, ...(handle && { owner: handle }) };
  // Old names lead on at a site; whoever installs says himself that he means the new one.
  if (skill.slug !== asked.slug || (asked.owner !== undefined && handle !== asked.owner))
    throw new RegistryError("REGISTRY_NOT_FOUND", `${shownReference(asked)} is called ${plain(shownReference(found))} at ${site.name} now`);
  return parseReference(shownReference(found));
}

/** Of one that names no version. Throws `REGISTRY_NOT_FOUND` for one that lies elsewhere, and says where. */
async function hostedVersion(site: ClawHubSite, of: SkillReference, signal: AbortSignal): Promise<string> {
  const answer = await site.install(of, signal);
  if (answer.installKind === "archive") return answer.archive.version;
  const { repo, path, commit } = answer.github;
  const elsewhere = `${site.name} does not have ${shownReference(of)} itself`;
  // Somebody will type what stands here, and a site must not put a command into it.
  if (!/^[\w./-]*$/.test(path)) throw new RegistryError("REGISTRY_NOT_FOUND", `${elsewhere}: it lies in https://github.com/${repo}`);
  const inside = path === "" || path === "." ? "" : `:${path}`;
  throw new RegistryError("REGISTRY_NOT_FOUND", `${elsewhere}: install git:https://github.com/${repo}.git#${commit}${inside}`);
}

function requireSkill(what: string, files: readonly ArchiveEntry[]): void {
  if (!files.some(({ path }) => path === "SKILL.md"))
    throw clientErrors.REGISTRY_CLIENT_PACKAGE_INVALID(`${what}: expected a SKILL.md at its root`);
}

/** The site's own scan, as a reason to look before anything is installed: what it calls bad needs a yes of its own. */
function noticesOf(
  { moderation }: SkillAnswer,
  { security }: SkillVersion,
  zip: SentZip,
  files: readonly ArchiveEntry[],
): readonly Notice[] {
  const because = [moderation?.summary, moderation?.reasonCodes?.join(", ")].filter(Boolean).map((text) => plain(text!));
  const why = because.length > 0 ? `: ${because.join("; ")}` : "";
  const says = (status: string) => security?.status === status || moderation?.verdict === status;
  const notices: Notice[] = [];
  if (moderation?.isMalwareBlocked || says("malicious"))
    notices.push({ code: "malicious", level: "yes", text: `its site calls it malicious${why}` });
  else if (moderation?.isSuspicious || says("suspicious"))
    notices.push({ code: "suspicious", level: "yes", text: `its site calls it suspicious${why}` });
  else if (security?.status !== "clean")
    notices.push({ code: "unscanned", level: "note", text: "its site has not looked at this version yet" });
  if (wasScanned(zip, files, security?.sha256hash) === false)
    notices.push({
      code: "scanned-otherwise",
      level: "warning",
      text: "what its site has looked at is another archive than the one that came",
    });
  return notices;
}
