/** A site that speaks ClawHub's API (docs/registry/clawhub.md), read as patiently as a registry of ours. */
import { archiveLimits } from "@pincer/registry/archive/read";
import { RegistryError } from "@pincer/registry/error";
import type { HttpReader } from "@pincer/registry/http-source";
import { joined } from "@pincer/registry/source";
import type { Static, TSchema } from "@sinclair/typebox";
import { clientErrors } from "../errors.ts";
import {
  answerIn,
  InstallAnswer,
  ListAnswer,
  SearchAnswer,
  SkillAnswer,
  type SkillVersion,
  VersionAnswer,
  WellKnown,
} from "./clawhub-answers.ts";
import type { SkillReference } from "./clawhub-reference.ts";
import { isThisMachine } from "./web-address.ts";

export interface ListedSkill extends SkillReference {
  readonly displayName: string;
  readonly summary?: string;
  readonly version?: string;
  readonly updatedAt?: number;
  readonly score: number;
}

export interface ClawHubSite {
  /** As the configuration has both. */
  readonly name: string;
  readonly address: string;
  /** The best first; without a query, what was changed last. */
  search(query: string | undefined, limit: number, signal: AbortSignal): Promise<readonly ListedSkill[]>;
  /** Throws `REGISTRY_NOT_FOUND`. */
  skill(of: SkillReference, signal: AbortSignal): Promise<SkillAnswer & { readonly skill: NonNullable<SkillAnswer["skill"]> }>;
  version(of: SkillReference, version: string, signal: AbortSignal): Promise<SkillVersion>;
  install(of: SkillReference, signal: AbortSignal): Promise<Static<typeof InstallAnswer>>;
  zip(of: SkillReference, version: string, signal: AbortSignal): Promise<{ readonly bytes: Uint8Array; readonly headers: Headers }>;
}

const longestAnswer = 4 * 2 ** 20;
const longestText = 500;

/** On one line, without what a terminal would obey, and no longer than anybody reads. */
export const plain = (text: string): string =>
  text
    .replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim()
    .slice(0, longestText);

/** Throws `REGISTRY_CLIENT_CONFIG_INVALID`. */
function siteAddress(name: string, address: string): URL {
  const url = URL.parse(address);
  if (url && !url.username && !url.password && (url.protocol === "https:" || (url.protocol === "http:" && isThisMachine(url)))) return url;
  throw clientErrors.REGISTRY_CLIENT_CONFIG_INVALID(
    `the address of the site ${name}: expected one such as https://clawhub.example, without a name or a password; came ${JSON.stringify(address)}`,
  );
}

/** Throws `REGISTRY_CLIENT_CONFIG_INVALID`. */
export function createClawHubSite({ name, address }: { readonly name: string; readonly address: string }, read: HttpReader): ClawHubSite {
  const home = siteAddress(name, address);
  let api: Promise<URL> | undefined;

  const json = async <T extends TSchema>(schema: T, url: URL, signal: AbortSignal): Promise<Static<T>> =>
    answerIn(schema, await joined(read(url, { limit: longestAnswer, ledFrom: home, signal })), url.host);

  /** Where its API lies, which a site may say; one that does not is the API itself. */
  async function discover(signal: AbortSignal): Promise<URL> {
    const own = new URL(home.pathname.endsWith("/") ? home : `${home.href}/`);
    const at = new URL("/.well-known/clawhub.json", home);
    const said = await json(WellKnown, at, signal).catch((error) => {
      if (error instanceof RegistryError && error.code === "REGISTRY_NOT_FOUND") return undefined;
      throw error;
    });
    const text = said && ("apiBase" in said ? said.apiBase : said.registry).replace(/\/*$/, "/");
    const base = text === undefined ? own : URL.parse(text);
    // As a redirect: nobody is led out of the encryption, or from the internet to a service of the own network.
    if (base && (base.origin === home.origin || (base.protocol === "https:" && home.protocol === "https:"))) return base;
    throw new RegistryError(
      "REGISTRY_METADATA_INVALID",
      `${home.host} says that its API lies at ${plain(text ?? "")}, where it may not lead`,
    );
  }

  async function at(path: string, query: Readonly<Record<string, string | undefined>>, signal: AbortSignal): Promise<URL> {
    // An address with a path is an API's own; a site lies at the root.
    const found = api ?? (home.pathname === "/" ? discover(signal) : Promise.resolve(new URL(`${home.href.replace(/\/*$/, "")}/`)));
    api = found;
    found.catch(() => {
      if (api === found) api = undefined;
    });
    const url = new URL(`api/v1/${path}`, await found);
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value);
    return url;
  }

  const ofSkill = ({ slug, owner }: SkillReference, rest: string, signal: AbortSignal) =>
    at(`skills/${encodeURIComponent(slug)}${rest}`, { ownerHandle: owner }, signal);

  return {
    name,
    address: home.href.replace(/\/$/, ""),

    async search(query, limit, signal) {
      const found =
        query === undefined
          ? (await json(ListAnswer, await at("skills", { limit: String(limit) }, signal), signal)).items.map((item) => ({
              ...item,
              score: 0,
              version: item.latestVersion?.version,
              source: undefined,
            }))
          : (await json(SearchAnswer, await at("search", { q: query, limit: String(limit) }, signal), signal)).results;
      return found
        .filter(({ slug, source }) => slug && (source ?? "clawhub") === "clawhub")
        .slice(0, limit)
        .map(({ slug, displayName, summary, version, updatedAt, score, owner, ownerHandle }) => {
          const handle = ownerHandle ?? owner?.handle;
          return {
            slug: plain(slug!),
            displayName: plain(displayName || slug!),
            score,
            ...(handle && { owner: plain(handle).toLowerCase() }),
            ...(summary && { summary: plain(summary) }),
            ...(version && { version: plain(version) }),
            ...(typeof updatedAt === "number" && { updatedAt: Math.round(updatedAt) }),
          };
        });
    },

    async skill(of, signal) {
      const answer = await json(SkillAnswer, await ofSkill(of, "", signal), signal);
      if (answer.skill) return { ...answer, skill: answer.skill };
      throw new RegistryError("REGISTRY_NOT_FOUND", `${home.host} has no skill ${of.slug}`);
    },

    version: async (of, version, signal) =>
      (await json(VersionAnswer, await ofSkill(of, `/versions/${encodeURIComponent(version)}`, signal), signal)).version,

    install: async (of, signal) => json(InstallAnswer, await ofSkill(of, "/install", signal), signal),

    async zip({ slug, owner }, version, signal) {
      let headers = new Headers();
      const url = await at("download", { slug, ownerHandle: owner, version }, signal);
      const onAnswer = (said: Headers) => {
        headers = said;
      };
      const bytes = await joined(read(url, { limit: archiveLimits.packedBytes, ledFrom: home, signal, onAnswer }));
      return { bytes, headers };
    },
  };
}
