/** A registry's skills, as ClawHub's API asks for them. */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { readArchive } from "../../archive/read.ts";
import { placeOf } from "../../layout.ts";
import type { PackageName } from "../../name.ts";
import type { Repository } from "../../repository/repository.ts";
import { exactly } from "../../source.ts";
import type { Listed, SearchIndex } from "../search-index.ts";
import type { Shelf, ShelvedRelease } from "../shelf.ts";
import type { ListedSkill, SkillRelease, SkillShelf, Verdict } from "./shelf.ts";

export interface RegistryShelfOptions {
  readonly folder: string;
  readonly repository: Repository;
  readonly shelf: Shelf;
  readonly index: SearchIndex;
}

export interface RegistryRelease extends SkillRelease {
  readonly path: string;
  readonly length: number;
}

const nameOf = (id: string): PackageName => ({ kind: "skills", id });
const listed = ({ id, publisher, version, summary, publishedAt, downloads }: Listed): ListedSkill => ({
  ...{ id, publisher, version, summary, publishedAt, downloads },
});

export function createRegistryShelf({ folder, repository, shelf, index }: RegistryShelfOptions): SkillShelf<RegistryRelease> {
  /** What is revoked is as bad as it gets; what a scan finds is a reason to look, which a person has. */
  function verdictOf(release: ShelvedRelease): Verdict | undefined {
    const { revoked, sha256 } = release;
    if (revoked) return { status: "malicious", reasons: ["revoked"], summary: revoked.reason };
    const found = repository.findingsOf(sha256);
    if (!found) return undefined;
    const high = found.filter(({ severity }) => severity === "high");
    if (high.length === 0) return { status: "clean", reasons: [] };
    return { status: "suspicious", reasons: [...new Set(high.map(({ rule }) => rule))], summary: high[0]!.sentence };
  }

  return {
    search: async (query, limit) => index.find({ q: query, kind: "skills", isOffered: true, limit }).packages.map(listed),

    async list({ order, prefix, limit, cursor }) {
      const found = index.list({ kind: "skills", order, prefix, limit, ...(cursor !== undefined && { cursor }) });
      return { skills: found.packages.map(listed), ...(found.cursor !== undefined && { cursor: found.cursor }) };
    },

    async get(id) {
      const publisher = repository.ownerOf(nameOf(id));
      if (publisher === undefined) return undefined;
      const releases = shelf.releases(nameOf(id)).map((release): RegistryRelease => {
        const { version, path, length, sha256, notes } = release;
        const verdict = verdictOf(release);
        return {
          ...{ version, path, length, sha256, summary: notes.summary, publishedAt: notes.publishedAt },
          isYanked: notes.yanked !== undefined,
          ...(verdict && { verdict }),
        };
      });
      return { id, publisher, releases };
    },

    files: ({ path, length, sha256 }) =>
      readArchive(exactly(path, { length, sha256 }, createReadStream(join(folder, placeOf(path, sha256))))),
  };
}
