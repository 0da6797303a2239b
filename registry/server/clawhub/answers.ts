/** What is answered, in the forms of ClawHub's API: docs/registry/clawhub.md. */
import { createHash } from "node:crypto";
import type { Content, ContentFile } from "./contents.ts";
import type { ListedSkill, ShelvedSkill, SkillRelease, Verdict } from "./shelf.ts";

const timeOf = (publishedAt: string): number => Date.parse(publishedAt);
/** A publisher is an owner: what a registry knows of one is the name. */
const ownerOf = (publisher: string) => ({ handle: publisher, displayName: publisher, image: null });

/** What whoever names no version gets: no one that was taken back, and none before its release unless there is no other. */
export function newestOf<Release extends SkillRelease>({ releases }: ShelvedSkill<Release>): Release | undefined {
  const kept = releases.filter(({ isYanked }) => !isYanked);
  return kept.find(({ version }) => !version.includes("-")) ?? kept[0];
}

export const searchAnswer = (skills: readonly ListedSkill[]) => ({
  results: skills.map(({ id, publisher, version, summary, publishedAt, downloads }, index) => ({
    // Places are all that is known of how well each fits.
    score: 1 - index / skills.length,
    slug: id,
    displayName: id,
    summary,
    version,
    updatedAt: timeOf(publishedAt),
    ownerHandle: publisher,
    owner: ownerOf(publisher),
    ...(downloads !== undefined && { downloads }),
  })),
});

export const listAnswer = (skills: readonly ListedSkill[], cursor: string | undefined) => ({
  items: skills.map(({ id, publisher, version, summary, publishedAt, downloads }) => ({
    slug: id,
    displayName: id,
    summary,
    tags: { latest: version },
    stats: { ...(downloads !== undefined && { downloads }) },
    createdAt: timeOf(publishedAt),
    updatedAt: timeOf(publishedAt),
    latestVersion: { version, createdAt: timeOf(publishedAt), changelog: "" },
    owner: ownerOf(publisher),
  })),
  nextCursor: cursor ?? null,
});

export function skillAnswer(skill: ShelvedSkill) {
  const { id, publisher, releases } = skill;
  const newest = newestOf(skill);
  const times = releases.map(({ publishedAt }) => timeOf(publishedAt));
  return {
    skill: {
      slug: id,
      displayName: id,
      summary: (newest ?? releases[0])?.summary ?? null,
      tags: newest ? { latest: newest.version } : {},
      stats: {},
      createdAt: Math.min(...times),
      updatedAt: Math.max(...times),
    },
    latestVersion: newest ? versionLine(newest) : null,
    metadata: null,
    owner: ownerOf(publisher),
    moderation: newest?.verdict && newest.verdict.status !== "clean" ? moderationOf(newest.verdict) : null,
  };
}

export const moderationOf = ({ status, reasons, summary }: Verdict) => ({
  isSuspicious: status === "suspicious",
  isMalwareBlocked: status === "malicious",
  verdict: status,
  reasonCodes: reasons,
  summary: summary ?? null,
  engineVersion: null,
  updatedAt: null,
});

const versionLine = ({ version, publishedAt }: SkillRelease) => ({ version, createdAt: timeOf(publishedAt), changelog: "" });

export const versionsAnswer = (releases: readonly SkillRelease[], cursor: string | undefined) => ({
  items: releases.map((release) => ({ ...versionLine(release), changelogSource: null })),
  nextCursor: cursor ?? null,
});

export const versionAnswer = ({ id }: ShelvedSkill, release: SkillRelease, { files, fingerprint }: Content) => ({
  skill: { slug: id, displayName: id },
  version: {
    ...versionLine(release),
    changelogSource: null,
    license: null,
    fingerprint,
    files: files.map(({ path, bytes, sha256 }) => ({ path, size: bytes.length, sha256, contentType: contentTypeOf(path) })),
    ...(release.verdict && {
      security: {
        status: release.verdict.status,
        hasWarnings: release.verdict.status !== "clean",
        checkedAt: null,
        model: null,
        hasScanResult: true,
      },
    }),
  },
});

/** Text is shown as text, whatever it would be elsewhere; the rest is for saving. */
const contentTypeOf = (path: string): string =>
  /\.(md|txt|json|ya?ml|toml|csv|sh|py|js|ts|css|html|xml|svg)$/i.test(path) ? "text/plain; charset=utf-8" : "application/octet-stream";

const fileHeaders = {
  // A skill's files are its publisher's: no browser shall run one as if it were the registry's own.
  "content-security-policy": "default-src 'none'; sandbox",
  "x-content-type-options": "nosniff",
  // Never kept for long: what was found in a version since then has to reach whoever asks.
  "cache-control": "private, max-age=60",
} as const;

export const fileAnswer = ({ path, bytes, sha256 }: ContentFile): Response =>
  new Response(new Uint8Array(bytes), {
    headers: { ...fileHeaders, "content-type": contentTypeOf(path), etag: `"${sha256}"`, "x-content-sha256": sha256 },
  });

export function zipAnswer(zip: Uint8Array<ArrayBuffer>, name: string): Response {
  const digest = createHash("sha256").update(zip).digest();
  return new Response(zip, {
    headers: {
      ...fileHeaders,
      "content-type": "application/zip",
      "content-disposition": `attachment; filename="${name}.zip"`,
      etag: `"${digest.toString("hex")}"`,
      digest: `sha-256=${digest.toString("base64")}`,
      "x-clawhub-artifact-sha256": digest.toString("hex"),
    },
  });
}
