/** The files of releases as they were asked for lately, each with its sum: an archive is unpacked for many questions, and never changes. */
import type { ArchiveEntry } from "../../archive/read.ts";
import { fingerprintOf } from "../../fingerprint.ts";
import { sha256Of } from "../../sha256.ts";
import type { SkillRelease, SkillShelf } from "./shelf.ts";

export interface ContentFile extends ArchiveEntry {
  readonly sha256: string;
}

export interface Content {
  readonly files: readonly ContentFile[];
  readonly fingerprint: string;
}

const mostBytes = 64 * 2 ** 20;

export function createContents<Release extends SkillRelease>(shelf: SkillShelf<Release>) {
  const known = new Map<string, Content>();
  let bytes = 0;
  const sizeOf = ({ files }: Content) => files.reduce((sum, file) => sum + file.bytes.length, 0);

  return async (release: Release): Promise<Content> => {
    const found = known.get(release.sha256);
    if (found) {
      // Behind all others, so that what nobody asks for goes first.
      known.delete(release.sha256);
      known.set(release.sha256, found);
      return found;
    }
    const files = (await shelf.files(release)).map((file) => ({
      ...file,
      sha256: sha256Of(file.bytes),
    }));
    const content: Content = { files, fingerprint: fingerprintOf(files) };
    if (!known.has(release.sha256)) bytes += sizeOf(content);
    known.set(release.sha256, content);
    for (const [sha256, oldest] of known) {
      if (bytes <= mostBytes || sha256 === release.sha256) break;
      known.delete(sha256);
      bytes -= sizeOf(oldest);
    }
    return content;
  };
}
