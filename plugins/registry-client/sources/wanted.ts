/** What somebody types, read: `telegram`, `acme/telegram@^1`, `skill:notes`, `npm:name@^1`, `git+https://host/x.git#v1:folder`, `./folder`, `x.tgz`, `https://host/x.tgz`, `clawhub:slug@1.0.0`. */
import { homedir } from "node:os";
import { resolve } from "node:path";
import { isName, isVersion, type Kind } from "@pincer/registry/name";
import { clientErrors } from "../errors.ts";
import { gitAddress } from "./git-address.ts";
import { isNpmName, isNpmRange, isSemverRange } from "./npm-name.ts";
import type { Wanted } from "./source.ts";
import { shownAddress, webAddress } from "./web-address.ts";

const invalid = (text: string, expected: string) =>
  clientErrors.REGISTRY_CLIENT_WANTED_INVALID(`${JSON.stringify(shownAddress(text))}: expected ${expected}`);

/** Paths are relative to `folder`. Throws `REGISTRY_CLIENT_WANTED_INVALID`, which says what would do. */
export function parseWanted(text: string, kind: Kind, folder: string): Wanted {
  if (text.trim() === "") throw invalid(text, "the name of a package, such as telegram, or where it is: npm:, git:, a folder, an archive");
  if (/[\s\p{Cc}\p{Cf}]/u.test(text) && !isPath(text)) throw invalid(text, "no spaces and no signs that nobody sees");
  if (text.startsWith("-")) throw invalid(text, "a package; what begins with a dash is an option");
  if (text.startsWith("npm:")) return npm(text, text.slice("npm:".length));
  if (text.startsWith("clawhub:")) return clawhub(text, text.slice("clawhub:".length));
  if (text.startsWith("upload:")) return { from: "upload", id: text.slice("upload:".length) };
  if (/^git[:+]/.test(text)) return git(text, text.slice("git:".length));
  if (/^[\w.-]+@[\w.-]+:[^:]/.test(text)) throw invalid(text, `"git:" before a repository's address: git:${text}`);
  if (/^(ssh|file):/.test(text)) throw invalid(text, `"git:" before a repository's address: git:${text}`);
  if (/^https?:/i.test(text)) return /\.git(#.*)?$/.test(text) ? git(text, text) : { from: "archive", at: webAddress(text).href };
  if (isPath(text)) return path(text, folder);
  const [, name = text] = saidKind.exec(text) ?? [];
  return named(name, kindSaid(text) ?? kind);
}

const saidKind = /^(?:plugin|skill):(.*)$/;

/** Of a name that says it: `skill:notes`. */
export const kindSaid = (text: string): Kind | undefined =>
  text.startsWith("skill:") ? "skills" : text.startsWith("plugin:") ? "plugins" : undefined;

const isArchive = (text: string): boolean => /\.(tgz|tar\.gz)$/i.test(text);
const isPath = (text: string): boolean =>
  /^(\.{1,2}|~)?\//.test(text) || /^\.{1,2}$/.test(text) || (isArchive(text) && !/^\w+:/.test(text));

function path(text: string, folder: string): Wanted {
  const path = resolve(folder, text.startsWith("~/") ? `${homedir()}/${text.slice(2)}` : text);
  return isArchive(text) ? { from: "archive", at: path } : { from: "folder", path };
}

function npm(text: string, rest: string): Wanted {
  const [name, range] = divided(rest, "@", 1);
  if (!isNpmName(name)) throw invalid(text, "a package of npm, such as npm:name, npm:name@^1.2.0 or npm:@scope/name");
  if (range !== undefined && !isNpmRange(range))
    throw invalid(text, "a version, a range or a tag behind the @, such as 1.2.0, ^1.2.0 or latest");
  return { from: "npm", name, ...(range !== undefined && { range }) };
}

function git(text: string, rest: string): Wanted {
  const [address, fragment] = divided(rest, "#");
  const [ref, inside] = divided(fragment ?? "", ":");
  const wanted = { ...(ref && { ref }), ...(inside && { inside }) };
  if (fragment === "") throw invalid(text, "a branch, a tag or a commit behind the #");
  return { from: "git", ...gitAddress({ url: address, ...wanted }) };
}

function clawhub(text: string, rest: string): Wanted {
  // An owner begins with the sign that a version stands behind.
  const [slug, version] = divided(rest, "@", rest.indexOf("/") + 1 || 1);
  if (!/^([a-z][a-z0-9-]{0,63}:)?(@[a-z0-9][a-z0-9_-]{0,63}\/)?[a-z0-9][a-z0-9-]{0,63}$/i.test(slug))
    throw invalid(text, "a skill's name, such as clawhub:git-helper, clawhub:git-helper@1.0.0 or clawhub:@ada/git-helper");
  if (version !== undefined && !isVersion(version)) throw invalid(text, "a version behind the @, such as 1.0.0");
  return { from: "clawhub", slug, ...(version !== undefined && { version }) };
}

function named(text: string, kind: Kind): Wanted {
  const [whole, range] = divided(text, "@");
  const [first, second] = divided(whole, "/");
  const [registry, id] = second === undefined ? [undefined, first] : [first, second];
  if (!isName(id) || (registry !== undefined && !isName(registry)))
    throw invalid(
      text,
      "a name of small letters, digits and single dashes, such as telegram or acme/telegram; a folder begins with ./ or /, npm's packages with npm:",
    );
  if (range !== undefined && !isSemverRange(range)) throw invalid(text, "a version or a range behind the @, such as 1.2.0 or ^1.2.0");
  return { from: "registry", kind, id, ...(range !== undefined && { range }), ...(registry !== undefined && { registry }) };
}

/** At the first one from there on, which is left out. */
function divided(text: string, at: string, from = 0): readonly [before: string, after: string | undefined] {
  const index = text.indexOf(at, from);
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + at.length)];
}
