/** Skills as ClawHub's API shows them: all that it asks of whoever has them. */
import type { ArchiveEntry } from "../../archive/read.ts";

export interface ListedSkill {
  readonly id: string;
  readonly publisher: string;
  /** The newest that is not taken back. */
  readonly version: string;
  readonly summary: string;
  /** When that one was signed, in ISO 8601. */
  readonly publishedAt: string;
  readonly downloads?: number;
}

/** What a scan has found, or what the registry has said of it since. */
export interface Verdict {
  readonly status: "clean" | "suspicious" | "malicious";
  readonly reasons: readonly string[];
  readonly summary?: string;
}

export interface SkillRelease {
  readonly version: string;
  readonly summary: string;
  readonly publishedAt: string;
  /** Of its archive, in hex. */
  readonly sha256: string;
  /** Its publisher has taken it back: had by its very version alone. */
  readonly isYanked: boolean;
  /** Absent: nobody has looked. */
  readonly verdict?: Verdict;
}

export interface ShelvedSkill<Release extends SkillRelease = SkillRelease> {
  readonly id: string;
  readonly publisher: string;
  /** Newest first. */
  readonly releases: readonly Release[];
}

export type SkillOrder = "newest" | "downloads" | "name";

export interface SkillShelf<Release extends SkillRelease = SkillRelease> {
  /** The best first. */
  search(query: string, limit: number): Promise<readonly ListedSkill[]>;
  /** `cursor` is one that an answer before has given. Throws `REGISTRY_REQUEST_INVALID` for another. */
  list(options: {
    readonly order: SkillOrder;
    /** What the names begin with. */
    readonly prefix: string;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<{ readonly skills: readonly ListedSkill[]; readonly cursor?: string }>;
  get(id: string): Promise<ShelvedSkill<Release> | undefined>;
  /** Of one that `get` has answered with. */
  files(release: Release): Promise<readonly ArchiveEntry[]>;
}
