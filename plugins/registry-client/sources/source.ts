/** Where packages come from. Each kind of place answers with a candidate: what it would be, known before a byte of it is written. */

import type { ArchiveEntry } from "@pincer/registry/archive/read";
import type { Publisher } from "@pincer/registry/client/client";
import type { Kind } from "@pincer/registry/name";
import type { ReleaseNotes } from "@pincer/registry/notes";
import type { Notice } from "../notice.ts";

/** What somebody asked for, as the command line and the wire are read into it. */
export type Wanted =
  /** Of this repository. */
  | { readonly from: "embedded"; readonly kind: Kind; readonly id: string }
  /** `registry`: the name of one that is configured; absent: the first that knows the package. `range`: semver; absent: the newest that is not yanked. */
  | { readonly from: "registry"; readonly kind: Kind; readonly id: string; readonly range?: string; readonly registry?: string }
  /** `slug`: also with its owner, `@owner/slug`. `site`: the name or the address of one that is configured; absent: the first. */
  | { readonly from: "clawhub"; readonly slug: string; readonly version?: string; readonly site?: string }
  | { readonly from: "npm"; readonly name: string; readonly range?: string }
  /** `ref`: a branch, a tag or a commit; what is installed is always a commit. `inside`: a folder of the repository. */
  | { readonly from: "git"; readonly url: string; readonly ref?: string; readonly inside?: string }
  | { readonly from: "folder"; readonly path: string }
  /** A path, or an https address. */
  | { readonly from: "archive"; readonly at: string }
  /** As `skills.upload.begin` has called it. */
  | { readonly from: "upload"; readonly id: string };

/** Exactly what was chosen, so that the same bytes can be had again: this is what the lock holds. */
export type Origin =
  | { readonly from: "embedded" }
  | { readonly from: "registry"; readonly registry: string; readonly path: string; readonly sha256: string }
  /** `site`: its address. `slug`: with its owner where the site says one, so that another owner's is another place. `sha256`: as a folder's. */
  | { readonly from: "clawhub"; readonly site: string; readonly slug: string; readonly sha256: string }
  /** `integrity`: Subresource Integrity of the package's archive. */
  | { readonly from: "npm"; readonly name: string; readonly integrity: string }
  /** `ref`: what was asked for, which an update follows. */
  | { readonly from: "git"; readonly url: string; readonly commit: string; readonly inside?: string; readonly ref?: string }
  /** `sha256`: of the deterministic archive of its files. */
  | { readonly from: "folder"; readonly path: string; readonly sha256: string }
  | { readonly from: "archive"; readonly at: string; readonly sha256: string }
  /** `sha256`: of the zip that was sent. */
  | { readonly from: "upload"; readonly sha256: string };

export interface Candidate {
  readonly kind: Kind;
  readonly id: string;
  readonly version: string;
  readonly origin: Origin;
  /** Bytes to be fetched, where that is known before. */
  readonly size?: number;
  /** Who signed it; absent where nobody does. */
  readonly publisher?: Publisher;
  readonly notes?: ReleaseNotes;
  /** What else its place says that whoever installs it should read: that its author gave it up, for example. */
  readonly notices?: readonly Notice[];
  /** Its files, every one of them checked against `origin` before any is handed out. */
  files(signal: AbortSignal): Promise<readonly ArchiveEntry[]>;
}

export interface PackageSource<W extends Wanted = Wanted> {
  /** Throws `REGISTRY_NOT_FOUND` where the place does not have it. */
  resolve(wanted: W, signal: AbortSignal): Promise<Candidate>;
  /** What a lock names, exactly; throws `REGISTRY_FILE_WRONG` when the place has something else now. */
  exactly(
    origin: Origin & { readonly from: W["from"] },
    locked: { readonly kind: Kind; readonly id: string; readonly version: string },
  ): Candidate;
}
