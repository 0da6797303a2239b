/** Which names a file of an archive may have: those that mean one file, inside, on every system. */
import { RegistryError } from "../error.ts";

const longest = 255;
const deepest = 16;
/** Names of devices, whatever stands after the first dot. */
const device = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** The path itself. Throws `REGISTRY_ARCHIVE_INVALID`. */
export function checkedPath(path: string): string {
  const refuse = (why: string) =>
    new RegistryError("REGISTRY_ARCHIVE_INVALID", `the archive holds ${JSON.stringify(path.slice(0, longest))}: ${why}`);
  if (path.length === 0 || Buffer.byteLength(path) > longest) throw refuse(`expected a path of 1 to ${longest} bytes`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  if (/[\u0000-\u001f\u007f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd]/.test(path))
    throw refuse("expected a path without signs that nobody sees");
  if (path !== path.normalize("NFC")) throw refuse("expected composed characters (NFC), so that it is one name on every system");
  if (/[\\:*?"<>|]/.test(path)) throw refuse('expected none of \\ : * ? " < > |, which mean something else on some systems');
  const parts = path.split("/");
  if (parts.length > deepest) throw refuse(`expected at most ${deepest} levels`);
  for (const part of parts) {
    if (part === "" || part === "." || part === "..") throw refuse("expected a path that stays inside, without empty parts");
    if (/[. ]$/.test(part)) throw refuse("expected no part that ends with a dot or a space");
    if (device.test(part)) throw refuse(`expected no name of a device, came "${part}"`);
  }
  return path;
}

/** Takes the paths of one archive. Throws `REGISTRY_ARCHIVE_INVALID` for one that is another's file or folder, on systems that do not tell A from a too. */
export function createPaths() {
  const files = new Set<string>();
  const folders = new Set<string>();
  return (path: string): void => {
    const folded = checkedPath(path).toLowerCase();
    const parts = folded.split("/");
    const above = parts.slice(1).map((_part, index) => parts.slice(0, index + 1).join("/"));
    const clash = files.has(folded) || folders.has(folded) || above.some((folder) => files.has(folder));
    if (clash) throw new RegistryError("REGISTRY_ARCHIVE_INVALID", `the archive holds ${JSON.stringify(path)} twice, or also as a folder`);
    files.add(folded);
    for (const folder of above) folders.add(folder);
  };
}
