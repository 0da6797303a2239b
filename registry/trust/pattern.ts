/** Which paths a role may speak of: TUF's patterns, of which a registry uses `?` for one sign and `*` for a whole part. */

export function isInPattern(pattern: string, path: string): boolean {
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  return wanted.length === given.length && wanted.every((part, index) => part === "*" || isPart(part, given[index]!));
}

const isPart = (pattern: string, part: string): boolean =>
  pattern.length === part.length && [...pattern].every((sign, index) => sign === "?" || sign === part[index]);
