/** Where the files of a registry lie. */

/** A file's digest is in its name, so that a newer one never takes the place of one that somebody is reading. */
export function placeOf(path: string, sha256: string): string {
  const slash = path.lastIndexOf("/");
  return `targets/${path.slice(0, slash + 1)}${sha256}.${path.slice(slash + 1)}`;
}
