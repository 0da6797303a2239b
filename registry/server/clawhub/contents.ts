/** The files of releases as they were asked for lately, each with its sum: an archive is unpacked, and packed anew, for many questions, and never changes. */
import type { ArchiveEntry } from "../../archive/read.ts";
import { writeZip } from "../../archive/zip-write.ts";
import { fingerprintOf } from "../../fingerprint.ts";
import { sha256Of } from "../../sha256.ts";
import { createKept } from "./kept.ts";
import type { SkillRelease, SkillShelf } from "./shelf.ts";

export interface ContentFile extends ArchiveEntry {
  readonly sha256: string;
}

export interface Content {
  readonly files: readonly ContentFile[];
  readonly fingerprint: string;
}

export interface Contents<Release extends SkillRelease> {
  of(release: Release): Promise<Content>;
  fingerprint(release: Release): Promise<string>;
  zip(release: Release): Promise<Uint8Array<ArrayBuffer>>;
}

const mostBytes = 64 * 2 ** 20;
const mostFingerprints = 100_000;

export function createContents<Release extends SkillRelease>(shelf: SkillShelf<Release>): Contents<Release> {
  const contents = createKept<Content>(mostBytes, ({ files }) => files.reduce((sum, { bytes }) => sum + bytes.length, 0));
  const zips = createKept<Uint8Array<ArrayBuffer>>(mostBytes, (zip) => zip.length);
  /** Apart, since they are small: whoever compares with many releases has each unpacked once, and not each time. */
  const fingerprints = createKept<string>(mostFingerprints, () => 1);

  const of: Contents<Release>["of"] = async (release) => {
    const found = contents.get(release.sha256);
    if (found) return found;
    const files = (await shelf.files(release)).map((file) => ({
      ...file,
      sha256: sha256Of(file.bytes),
    }));
    const content: Content = { files, fingerprint: fingerprintOf(files) };
    contents.set(release.sha256, content);
    fingerprints.set(release.sha256, content.fingerprint);
    return content;
  };
  return {
    of,
    fingerprint: async (release) => fingerprints.get(release.sha256) ?? (await of(release)).fingerprint,
    async zip(release) {
      const known = zips.get(release.sha256);
      if (known) return known;
      const zip = writeZip((await of(release)).files);
      zips.set(release.sha256, zip);
      return zip;
    },
  };
}
