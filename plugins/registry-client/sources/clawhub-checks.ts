/** Whether what a ClawHub-compatible site sends is what it says that it has: every digest that it gives counts. */
import { createHash } from "node:crypto";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import { readZip } from "@pincer/registry/archive/zip";
import { RegistryError } from "@pincer/registry/error";
import { fingerprintOf } from "@pincer/registry/fingerprint";
import { parsedJson } from "@pincer/registry/json";
import type { SkillVersion } from "./clawhub-answers.ts";

export interface SentZip {
  readonly bytes: Uint8Array;
  readonly headers: Headers;
}

/**
 * Notes of the site's own, which it lays beside a skill's files and may write anew at any time: who owns the skill, and a page about it. No version
 * of the skill consists of them.
 */
const siteNote = "_meta.json";
const siteCard = "skill-card.md";

const hashOf = (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest();
const wrong = (what: string, why: string) => new RegistryError("REGISTRY_FILE_WRONG", `${what}: ${why}`);

/** Of all digests that are given with the zip (`Digest`, `Content-Digest`, `Repr-Digest`, and ClawHub's own header) each must be its own. */
function requireDigests(what: string, { bytes, headers }: SentZip): void {
  const require = (name: string, algorithm: string, expected: string, encoding: "hex" | "base64") => {
    const came = hashOf(algorithm, bytes).toString(encoding);
    if (came !== expected) throw wrong(what, `its ${name} is ${expected}, and that of what came is ${came}`);
  };
  const own = headers.get("x-clawhub-artifact-sha256");
  if (own !== null) require("SHA-256", "sha256", own.toLowerCase(), "hex");
  for (const name of ["digest", "content-digest", "repr-digest"])
    for (const [, size, value] of (headers.get(name) ?? "").matchAll(/\bsha-(256|512)=:?([A-Za-z0-9+/]+={0,2}):?/gi))
      require(`SHA-${size}`, `sha${size}`, value!, "base64");
}

/** The skill's own files out of the zip. Throws `REGISTRY_ARCHIVE_*`, `REGISTRY_FILE_WRONG` for a note that speaks of another version. */
export async function skillFilesIn(
  what: string,
  zip: SentZip,
  of: { readonly slug: string; readonly version: string },
): Promise<{ readonly all: readonly ArchiveEntry[]; readonly own: readonly ArchiveEntry[] }> {
  requireDigests(what, zip);
  const found = await readZip([zip.bytes]);
  const note = found.find(({ path }) => path === siteNote);
  if (note) requireNote(what, note.bytes, of);
  const all = found.filter((file) => file !== note);
  return { all, own: all.filter(({ path }) => path !== siteCard) };
}

function requireNote(what: string, bytes: Uint8Array, { slug, version }: { readonly slug: string; readonly version: string }): void {
  const json = parsedJson(bytes, (why) => wrong(what, `${siteNote} in it: ${why}`));
  const said = (json ?? {}) as { readonly slug?: unknown; readonly version?: unknown };
  if (said.slug === slug && said.version === version) return;
  const shown = [said.slug, said.version].map((one) => JSON.stringify(one)?.slice(0, 100) ?? "nothing");
  throw wrong(what, `${siteNote} in it says that it is ${shown.join(" ")}`);
}

/** That these are the files which the site lists for the version, no more and no fewer. Throws `REGISTRY_FILE_WRONG`. */
export function requireListed(what: string, files: readonly ArchiveEntry[], { files: listed, fingerprint }: SkillVersion): void {
  const expected = new Map(listed.filter(({ path }) => path !== siteNote).map((file) => [file.path, file] as const));
  const hashed = files.map(({ path, bytes }) => ({ path, size: bytes.length, sha256: hashOf("sha256", bytes).toString("hex") }));
  for (const { path, size, sha256 } of hashed) {
    const said = expected.get(path);
    if (!said) throw wrong(what, `${JSON.stringify(path)} came, which is not in its list of files`);
    if (said.size !== size || said.sha256.toLowerCase() !== sha256)
      throw wrong(what, `${JSON.stringify(path)} has the SHA-256 ${sha256}, and ${said.sha256} in its list of files`);
    expected.delete(path);
  }
  for (const path of expected.keys()) throw wrong(what, `${JSON.stringify(path.slice(0, 200))} is in its list of files, and did not come`);
  if (fingerprint && fingerprint.toLowerCase() !== fingerprintOf(hashed)) throw wrong(what, "its fingerprint is that of other files");
}

/** Whether the scan that is told of looked at this zip; undefined where that cannot be said. */
export function wasScanned({ bytes }: SentZip, files: readonly ArchiveEntry[], sha256: string | null | undefined): boolean | undefined {
  // The page about the skill comes to the zip after the scan.
  if (!sha256 || files.some(({ path }) => path === siteCard)) return undefined;
  return hashOf("sha256", bytes).toString("hex") === sha256.toLowerCase();
}
