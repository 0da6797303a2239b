/**
 * ClawHub's read API over a registry's skills, so that its CLI, and whatever else speaks it, searches, inspects and installs from here without an
 * account. Nothing is published this way.
 */
import { isName, isVersion } from "../../name.ts";
import {
  fileAnswer,
  listAnswer,
  moderationOf,
  newestOf,
  searchAnswer,
  skillAnswer,
  versionAnswer,
  versionsAnswer,
  zipAnswer,
} from "./answers.ts";
import { createContents } from "./contents.ts";
import type { ShelvedSkill, SkillOrder, SkillRelease, SkillShelf } from "./shelf.ts";

export interface ClawHubOptions<Release extends SkillRelease> {
  readonly shelf: SkillShelf<Release>;
  /** The path below which it lies, such as `/clawhub`; empty at the root. */
  readonly prefix: string;
}

/** What is known of a request beside it. */
export interface ClawHubCall<Release extends SkillRelease> {
  /** The registry's address, as whoever asks reaches it. */
  readonly origin: string;
  readonly onDownload: (release: Release) => void;
}

/** Undefined for a request that is not for it. */
export type ClawHub<Release extends SkillRelease> = (request: Request, call: ClawHubCall<Release>) => Promise<Response | undefined>;

/** Answered as ClawHub does, in plain text. */
class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const orders: Readonly<Record<string, SkillOrder>> = {
  ...{ updated: "newest", createdAt: "newest", newest: "newest", recommended: "downloads", default: "downloads", trending: "downloads" },
  ...{ downloads: "downloads", installs: "downloads", installsCurrent: "downloads", installsAllTime: "downloads" },
  ...{ stars: "downloads", rating: "downloads", name: "name" },
};
/** Beyond it, the fingerprint of what somebody has is compared with no older version. */
const mostCompared = 50;

export function createClawHub<Release extends SkillRelease>({ shelf, prefix }: ClawHubOptions<Release>): ClawHub<Release> {
  type Skill = ShelvedSkill<Release>;
  const contents = createContents(shelf);

  async function skillNamed(id: string, query: URLSearchParams): Promise<Skill> {
    const skill = isName(id) ? await shelf.get(id) : undefined;
    const owner = (query.get("ownerHandle") ?? query.get("owner") ?? "").trim().replace(/^@+/, "").toLowerCase();
    if (!skill || skill.releases.length === 0 || (owner !== "" && owner !== skill.publisher)) throw new Refusal(404, "Skill not found");
    return skill;
  }

  function releaseOf(skill: Skill, query: URLSearchParams): Release {
    const [version, tag] = [query.get("version"), query.get("tag")];
    return version !== null ? named(skill, version) : tagged(skill, tag ?? "latest");
  }

  function named({ releases }: Skill, version: string): Release {
    const release = isVersion(version) ? releases.find((one) => one.version === version) : undefined;
    if (!release) throw new Refusal(404, "Version not found");
    return release;
  }

  function tagged(skill: Skill, tag: string): Release {
    const release = tag === "latest" ? newestOf(skill) : undefined;
    if (!release) throw new Refusal(404, "Version not found");
    return release;
  }

  function refuseMalicious({ verdict }: SkillRelease): void {
    if (verdict?.status !== "malicious") return;
    throw new Refusal(403, `This version is known to be malicious and is not handed out: ${verdict.summary ?? verdict.reasons.join(", ")}`);
  }

  const matching = async (skill: Skill, fingerprint: string): Promise<Release | undefined> => {
    for (const release of skill.releases.slice(0, mostCompared)) if ((await contents.fingerprint(release)) === fingerprint) return release;
    return undefined;
  };

  async function ofSkill(id: string, rest: readonly string[], query: URLSearchParams): Promise<Response> {
    const skill = await skillNamed(id, query);
    const [what, which] = rest;
    if (what === undefined) return Response.json(skillAnswer(skill));
    if (what === "versions" && rest.length === 2) {
      const release = named(skill, which!);
      return Response.json(versionAnswer(skill, release, await contents.of(release)));
    }
    if (rest.length > 1) throw new Refusal(404, "Not found");
    if (what === "versions") {
      const kept = skill.releases.filter(({ isYanked }) => !isYanked);
      const from = numberIn(query, "cursor", 0, 0, kept.length);
      const until = from + numberIn(query, "limit", 25, 1, 200);
      return Response.json(versionsAnswer(kept.slice(from, until), until < kept.length ? String(until) : undefined));
    }
    if (what === "file") {
      const release = releaseOf(skill, query);
      refuseMalicious(release);
      const file = (await contents.of(release)).files.find(({ path }) => path === query.get("path"));
      if (!file) throw new Refusal(404, "File not found");
      return fileAnswer(file);
    }
    if (what === "install") {
      const { version } = tagged(skill, "latest");
      const downloadUrl = `${prefix}/api/v1/download?slug=${id}&version=${encodeURIComponent(version)}`;
      return Response.json({ ok: true, slug: id, installKind: "archive", archive: { version, downloadUrl } });
    }
    if (what === "moderation") {
      const verdict = newestOf(skill)?.verdict;
      if (!verdict || verdict.status === "clean") throw new Refusal(404, "Moderation details unavailable");
      return Response.json({ moderation: { ...moderationOf(verdict), legacyReason: null, evidence: [] } });
    }
    throw new Refusal(404, "Not found");
  }

  async function answer(path: readonly string[], query: URLSearchParams, { onDownload }: ClawHubCall<Release>): Promise<Response> {
    const [first, id, ...rest] = path;
    if (first === "skills" && id !== undefined) return ofSkill(id, rest, query);
    if (id !== undefined) throw new Refusal(404, "Not found");
    switch (first) {
      case "search": {
        const asked = required(query, "q");
        const limit = numberIn(query, "limit", 25, 1, 100);
        if (query.get("mode") !== "exact") return Response.json(searchAnswer(await shelf.search(asked, limit)));
        const found = await shelf.list({ order: "name", prefix: asked.trim().toLowerCase(), limit: 1 });
        return Response.json(searchAnswer(found.skills.filter((one) => one.id === asked.trim().toLowerCase())));
      }
      case "skills": {
        const prefix = query.get("prefix") ?? "";
        const order = orders[query.get("sort") ?? (prefix === "" ? "updated" : "name")];
        if (!order) throw new Refusal(400, `Invalid sort: expected one of ${Object.keys(orders).join(", ")}`);
        const cursor = query.get("cursor");
        const limit = numberIn(query, "limit", 25, 1, 200);
        const found = await shelf.list({ order, prefix, limit, ...(cursor !== null && { cursor }) });
        return Response.json(listAnswer(found.skills, found.cursor));
      }
      case "resolve": {
        const skill = await skillNamed(required(query, "slug"), query);
        const hash = required(query, "hash");
        if (!/^[0-9a-f]{64}$/i.test(hash)) throw new Refusal(400, "Invalid hash: expected 64 hexadecimal digits");
        const match = await matching(skill, hash.toLowerCase());
        const newest = newestOf(skill);
        const shown = (release: SkillRelease | undefined) => (release ? { version: release.version } : null);
        return Response.json({ slug: skill.id, match: shown(match), latestVersion: shown(newest) });
      }
      case "download": {
        const skill = await skillNamed(required(query, "slug"), query);
        const release = releaseOf(skill, query);
        refuseMalicious(release);
        const zip = await contents.zip(release);
        onDownload(release);
        return zipAnswer(zip, `${skill.id}-${release.version}`);
      }
      case "whoami":
        throw new Refusal(401, "This registry has no accounts here: everything that can be read is read without one");
      default:
        throw new Refusal(404, "Not found");
    }
  }

  return async (request, call) => {
    const url = new URL(request.url);
    if (/^\/\.well-known\/claw(d?)hub\.json$/.test(url.pathname)) {
      const apiBase = `${call.origin}${prefix}`;
      return Response.json({ apiBase, authBase: apiBase }, { headers: { "cache-control": "no-store" } });
    }
    const root = `${prefix}/api/v1/`;
    if (!url.pathname.startsWith(root)) return undefined;
    try {
      if (request.method !== "GET" && request.method !== "HEAD")
        throw new Refusal(405, 'Nothing is published here this way: "pincer registry publish" does');
      return await answer(url.pathname.slice(root.length).split("/").map(decoded), url.searchParams, call);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return new Response(error.message, { status: error.status, headers: { "content-type": "text/plain; charset=utf-8" } });
    }
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Refusal(400, "Invalid address: a percent sign that stands for nothing");
  }
}

function required(query: URLSearchParams, name: string): string {
  const value = query.get(name)?.trim();
  if (!value) throw new Refusal(400, `Missing ${name}`);
  if (value.length > 200) throw new Refusal(400, `Invalid ${name}: expected at most 200 characters`);
  return value;
}

/** Between the two, whatever is asked for. */
function numberIn(query: URLSearchParams, name: string, usual: number, least: number, most: number): number {
  const value = query.get(name);
  if (value === null || value === "") return usual;
  if (!/^\d{1,9}$/.test(value)) throw new Refusal(400, `Invalid ${name}: expected a number`);
  return Math.min(most, Math.max(least, Number(value)));
}
