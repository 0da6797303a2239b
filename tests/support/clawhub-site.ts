/** A site on loopback that answers as ClawHub does, its own note in every zip. Tests disturb what it answers. */
import { createHash } from "node:crypto";
import { type Exchange, serveHttp } from "@pincer/plugin-sdk/testing/http-server";
import { zipSync } from "fflate";
import { fingerprintOf } from "../../registry/fingerprint.ts";

export interface SiteSkill {
  readonly slug: string;
  readonly version: string;
  readonly files: Readonly<Record<string, string>>;
  readonly owner?: string;
  readonly summary?: string;
  /** As `moderation` of the skill and `security` of the version. */
  readonly moderation?: Readonly<Record<string, unknown>>;
  readonly security?: Readonly<Record<string, unknown>> | "of this zip";
  /** Digests beside the zip, and a fingerprint in what is said of the version. */
  readonly tells?: boolean;
}

export interface ClawHubServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly string[];
  /** In the order of their versions. */
  publish(skill: SiteSkill): Buffer;
  /** Answers instead, until it says that it does not. `zip`: what would be sent, where it is asked for. */
  disturb(answer: (exchange: Exchange, zip: Buffer | undefined) => Promise<boolean> | boolean): void;
}

const sha256 = (bytes: string | Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function zipOf({ slug, version, files }: SiteSkill): Buffer {
  const note = JSON.stringify({ ownerId: "users:1", slug, version, publishedAt: 0 }, null, 2);
  const content = Object.entries({ ...files, "_meta.json": note }).map(([path, text]) => [path, Buffer.from(text)] as const);
  return Buffer.from(zipSync(Object.fromEntries(content), { level: 6, mtime: new Date(1980, 0, 1) }));
}

export function serveClawHub(): ClawHubServer {
  const skills = new Map<string, SiteSkill[]>();
  const asked: string[] = [];
  let disturbed: Parameters<ClawHubServer["disturb"]>[0] = () => false;

  const server = serveHttp(async (exchange) => {
    const url = new URL(exchange.path, server.origin);
    asked.push(exchange.path);
    const json = (value: unknown) => exchange.send(200, JSON.stringify(value), { "content-type": "application/json" });
    const missing = (what: string) => exchange.send(404, `${what} not found`, { "content-type": "text/plain; charset=utf-8" });
    const [, rest = ""] = /^\/hub\/api\/v1\/(.*)$/.exec(url.pathname) ?? [];
    const [kind, slug = url.searchParams.get("slug") ?? "", what, which] = rest.split("/");
    const versions = skills.get(slug) ?? [];
    const newest = versions.at(-1);
    const chosen = versions.find(({ version }) => version === (which ?? url.searchParams.get("version")));
    const zip = kind === "download" && chosen ? zipOf(chosen) : undefined;
    if (await disturbed(exchange, zip)) return;
    if (url.pathname === "/.well-known/clawhub.json") return json({ apiBase: `${server.origin}/hub` });
    if (kind === "search" || rest === "skills") {
      const found = [...skills.values()].map((all) => all.at(-1)!);
      const listed = found.map(({ slug: name, version, owner = "ada", summary = "A skill" }, index) => ({
        ...{ score: 1 - index / 10, slug: name, displayName: name.toUpperCase(), summary, version, updatedAt: 1_730_000_000_000 },
        ...{ createdAt: 0, tags: {}, stats: {}, ownerHandle: owner, latestVersion: { version, createdAt: 0, changelog: "" } },
      }));
      return json(kind === "search" ? { results: listed } : { items: listed, nextCursor: null });
    }
    if (!newest) return missing("Skill");
    const { owner = "ada", summary = "A skill", moderation = null } = newest;
    if ((url.searchParams.get("ownerHandle") ?? owner) !== owner) return missing("Skill");
    if (kind === "skills" && what === undefined)
      return json({
        skill: { slug, displayName: slug.toUpperCase(), summary, tags: { latest: newest.version }, stats: {}, createdAt: 1, updatedAt: 2 },
        latestVersion: { version: newest.version, createdAt: 2, changelog: "More weather", license: null },
        metadata: { setup: [], os: ["linux"], systems: null },
        owner: { handle: owner, userId: "users:1", displayName: "Ada", image: null },
        moderation,
      });
    if (!chosen) return missing("Version");
    const { security, tells } = chosen;
    const files = Object.entries(chosen.files).map(([path, text]) => ({ path, size: Buffer.byteLength(text), sha256: sha256(text) }));
    if (what === "versions") {
      const scanned = security === "of this zip" ? { status: "clean", hasWarnings: false, sha256hash: sha256(zipOf(chosen)) } : security;
      const version = { version: chosen.version, createdAt: 2, changelog: "", files, ...(scanned && { security: scanned }) };
      return json({ skill: { slug, displayName: slug }, version: { ...version, ...(tells && { fingerprint: fingerprintOf(files) }) } });
    }
    if (!zip) return missing("Page");
    exchange.begin(200, {
      "content-type": "application/zip",
      ...(tells && { digest: `sha-256=${Buffer.from(sha256(zip), "hex").toString("base64")}`, "x-clawhub-artifact-sha256": sha256(zip) }),
    });
    await exchange.write(zip);
    exchange.end();
  });

  return {
    get url() {
      return server.origin;
    },
    asked,
    publish(skill) {
      skills.set(skill.slug, [...(skills.get(skill.slug) ?? []), skill]);
      return zipOf(skill);
    },
    disturb(answer) {
      disturbed = answer;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
