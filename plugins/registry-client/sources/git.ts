/** A plugin or a skill in a repository of git. What is installed is a commit, whatever it was asked for by; its files are read out of the repository, and never checked out. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isShipped } from "@pincer/plugin-kit/archive";
import { type ArchiveEntry, archiveLimits } from "@pincer/registry/archive/read";
import { RegistryError } from "@pincer/registry/error";
import { type HttpReaderOptions, whereItLies } from "@pincer/registry/http-source";
import { clientErrors } from "../errors.ts";
import { checkedFiles, sizeOf } from "./contents.ts";
import { gitAddress } from "./git-address.ts";
import { createGit, type Git } from "./git-process.ts";
import { identityOf } from "./identity.ts";
import { lockedCandidate } from "./locked.ts";
import type { PackageSource, Wanted } from "./source.ts";

type WantedGit = Wanted & { readonly from: "git" };

const commitId = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

/** Of one pack, in which a whole tree comes. */
const longestPack = 256 * 2 ** 20;

export function createGitPackages(web: HttpReaderOptions, packBytes = longestPack): PackageSource<WantedGit> {
  const gitFor = (url: string): Git => createGit(new URL(url).protocol.slice(0, -1) as "https" | "http" | "ssh" | "file", packBytes);
  return {
    async resolve(wanted, signal) {
      const { url, ref, inside } = gitAddress(wanted);
      const git = gitFor(url);
      const from = await whereRepositoryLies(web, url, signal);
      const commit = ref !== undefined && commitId.test(ref) ? ref : await commitOf(git, from, ref, signal);
      const fetched = await filesAt(git, { url: from, commit, inside }, signal);
      const how = { ...(inside !== undefined && { inside }), ...(ref !== undefined && { ref }) };
      const origin = { from: "git", url, commit: fetched.commit, ...how } as const;
      const { files } = fetched;
      return { ...identityOf(files, whereIs(wanted)), origin, size: sizeOf(files), files: async () => files };
    },
    exactly(origin, locked) {
      const { url, inside } = gitAddress(origin);
      if (!commitId.test(origin.commit))
        throw clientErrors.REGISTRY_CLIENT_WANTED_INVALID(
          `expected a commit in the lock for ${url}, came ${JSON.stringify(origin.commit)}`,
        );
      return lockedCandidate({
        origin,
        locked,
        read: async (signal) => {
          const from = await whereRepositoryLies(web, url, signal);
          return (await filesAt(gitFor(url), { url: from, commit: origin.commit, inside }, signal)).files;
        },
      });
    },
  };
}

const advertised = "/info/refs?service=git-upload-pack";

/**
 * Where a server leads to from a repository's address: git itself would follow it anywhere, and so is told to follow nothing. It looks the name up
 * once more, and what answers there then must have the certificate of that name.
 */
async function whereRepositoryLies(web: HttpReaderOptions, url: string, signal: AbortSignal): Promise<string> {
  if (!/^https?:/.test(url)) return url;
  try {
    const { href } = await whereItLies(web, new URL(`${url.replace(/\/$/, "")}${advertised}`), signal);
    return href.endsWith(advertised) ? gitAddress({ url: href.slice(0, -advertised.length) }).url : url;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RegistryError) throw error;
    return url; // silent-ok: git says what is wrong, and may know certificates of its own
  }
}

const whereIs = ({ url, inside }: { readonly url: string; readonly inside?: string | undefined }) => (inside ? `${inside} of ${url}` : url);

/** A tag counts before a branch of the same name, as it does for git. */
async function commitOf(git: Git, url: string, ref: string | undefined, signal: AbortSignal): Promise<string> {
  const names =
    ref === undefined
      ? ["HEAD"]
      : ref.startsWith("refs/")
        ? [`${ref}^{}`, ref]
        : [`refs/tags/${ref}^{}`, `refs/tags/${ref}`, `refs/heads/${ref}`];
  const answer = await git.run(["ls-remote", "--quiet", "--", url, ...names], { signal });
  const found = new Map(
    answer
      .toString()
      .split("\n")
      .map((line) => line.split("\t", 2) as [id: string, name: string])
      .map(([id, name]) => [name, id]),
  );
  const commit = names.map((name) => found.get(name)).find((id) => id !== undefined && commitId.test(id));
  if (commit !== undefined) return commit;
  const what =
    ref === undefined ? "no commit yet" : `neither a branch nor a tag ${JSON.stringify(ref)} (a commit is named in full, with 40 signs)`;
  throw new RegistryError("REGISTRY_NOT_FOUND", `${url} has ${what}`);
}

interface At {
  readonly url: string;
  readonly commit: string;
  readonly inside: string | undefined;
}

async function filesAt(
  git: Git,
  at: At,
  signal: AbortSignal,
): Promise<{ readonly commit: string; readonly files: readonly ArchiveEntry[] }> {
  const repository = mkdtempSync(join(tmpdir(), "pincer-git-"));
  try {
    const commit = await fetched(git, repository, at, signal);
    return { commit, files: checkedFiles(await filesOf(git, repository, { ...at, commit }, signal), whereIs(at)) };
  } finally {
    rmSync(repository, { recursive: true, force: true });
  }
}

/** The commit alone; where a server gives none by its id, all that it has, in which the commit must then be. */
async function fetched(git: Git, repository: string, { url, commit }: At, signal: AbortSignal): Promise<string> {
  const here = ["--git-dir", repository];
  const format = commit.length === 64 ? "sha256" : "sha1";
  await git.run(["init", "--quiet", "--bare", "--template=", `--object-format=${format}`, repository], { signal });
  const fetch = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"];
  try {
    await git.run([...here, ...fetch, "--depth=1", "--", url, commit], { signal });
  } catch (error) {
    signal.throwIfAborted();
    const all = ["+refs/heads/*:refs/fetched/heads/*", "+refs/tags/*:refs/fetched/tags/*"];
    await git.run([...here, ...fetch, "--", url, ...all], { signal }).catch(() => {
      signal.throwIfAborted();
      throw error;
    });
  }
  try {
    const found = await git.run([...here, "rev-parse", "--verify", "--quiet", `${commit}^{commit}`], { signal });
    return found.toString().trim();
  } catch (error) {
    signal.throwIfAborted();
    throw new RegistryError("REGISTRY_FILE_WRONG", `${url} has no commit ${commit}`, { cause: error });
  }
}

interface TreeEntry {
  readonly mode: string;
  readonly id: string;
  readonly size: number;
  readonly path: string;
}

async function filesOf(git: Git, repository: string, at: At, signal: AbortSignal): Promise<readonly ArchiveEntry[]> {
  const here = ["--git-dir", repository];
  const tree = at.inside === undefined ? at.commit : `${at.commit}:${at.inside}`;
  const listed = await git.run([...here, "ls-tree", "-r", "-l", "-z", "--full-tree", tree], { signal }).catch((error) => {
    signal.throwIfAborted();
    throw new RegistryError("REGISTRY_NOT_FOUND", `${at.url} has no folder ${at.inside} at ${at.commit}`, { cause: error });
  });
  const entries = entriesOf(listed).filter(({ path }) => isShipped(path));
  for (const { mode, path } of entries) {
    if (/^100/.test(mode)) continue;
    const what = mode === "120000" ? "a symbolic link" : mode === "160000" ? "a repository of its own (a submodule)" : `of mode ${mode}`;
    throw new RegistryError(
      "REGISTRY_ARCHIVE_INVALID",
      `${whereIs(at)}: ${JSON.stringify(path)} is ${what}, expected files and folders alone`,
    );
  }
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  if (entries.length > archiveLimits.files || total > archiveLimits.unpackedBytes)
    throw new RegistryError(
      "REGISTRY_ARCHIVE_TOO_LARGE",
      `${whereIs(at)} is too large: expected at most ${archiveLimits.files} files and ${archiveLimits.unpackedBytes} bytes, came ${entries.length} and ${total}`,
    );
  if (entries.length === 0) return [];
  const input = entries.map(({ id }) => `${id}\n`).join("");
  const files = contentsOf(
    await git.run([...here, "cat-file", "--batch"], { signal, input, limit: total + entries.length * 200 }),
    entries,
  );
  const pointer = files.find(({ bytes }) => largeFile.test(Buffer.from(bytes.subarray(0, 200)).toString("latin1")));
  if (!pointer) return files;
  throw new RegistryError(
    "REGISTRY_ARCHIVE_INVALID",
    `${whereIs(at)}: ${JSON.stringify(pointer.path)} is kept in Git LFS, expected the file itself`,
  );
}

/** What stands in the place of a file that a server keeps elsewhere. */
const largeFile = /^version https:\/\/[^\n]*git-lfs[^\n]*\noid sha256:/;

/** Each `<mode> <type> <id> <size>\t<path>`, with a NUL behind it. */
function entriesOf(listed: Buffer): readonly TreeEntry[] {
  return listed
    .toString()
    .split("\0")
    .filter(Boolean)
    .map((line) => {
      const tab = line.indexOf("\t");
      const [mode = "", , id = "", size = ""] = line.slice(0, tab).split(/ +/);
      return { mode, id, size: Number(size) || 0, path: line.slice(tab + 1) };
    });
}

/** Each `<id> blob <size>`, a line's end, the content, and another line's end, in the order in which they were asked for. */
function contentsOf(answer: Buffer, entries: readonly TreeEntry[]): readonly ArchiveEntry[] {
  let at = 0;
  return entries.map(({ id, size, path }) => {
    const head = `${id} blob ${size}\n`;
    const begin = at + head.length;
    if (answer.toString("latin1", at, begin) !== head)
      throw clientErrors.REGISTRY_CLIENT_GIT_FAILED(`git cat-file: expected ${JSON.stringify(path)}, came something else`);
    at = begin + size + 1;
    return { path, bytes: answer.subarray(begin, begin + size) };
  });
}
