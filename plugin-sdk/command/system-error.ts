/** What the system refused, in words that say what a person can look at. */

const words: Readonly<Record<string, (path: string) => string>> = {
  ENOENT: (path) => `there is no ${path}`,
  ENOTDIR: (path) => `${path}: expected a folder, came a file`,
  EISDIR: (path) => `${path}: expected a file, came a folder`,
  EEXIST: (path) => `${path} is there already`,
  ENOTEMPTY: (path) => `${path} is not empty`,
  EACCES: (path) => `${path}: the system does not let this user in; ls -ld shows whose it is`,
  EPERM: (path) => `${path}: the system does not let this user do that; ls -ld shows whose it is`,
  EROFS: (path) => `${path} lies where nothing can be written`,
  ENOSPC: (path) => `${path}: the disk is full; df -h shows which`,
  EDQUOT: (path) => `${path}: this user's share of the disk is used up`,
  ENAMETOOLONG: (path) => `${path} is longer than names may be`,
  ELOOP: (path) => `${path} is a link that leads to itself`,
  EMFILE: (path) => `${path}: too many files are open; ulimit -n shows how many may be`,
};

/** Undefined: it is not of the system, or speaks best for itself. */
export function systemErrorWords(error: unknown): string | undefined {
  const { code, path, dest } = error instanceof Error ? (error as NodeJS.ErrnoException & { readonly dest?: string }) : {};
  return path === undefined ? undefined : words[code ?? ""]?.(code === "EEXIST" ? (dest ?? path) : path);
}
