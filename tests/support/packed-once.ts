/** The package of this source, packed once for all tests that begin with it, in whichever process: it lies below the temporary folder, by what it is made of. */
import { Database } from "bun:sqlite";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { basename, join } from "node:path";

/** What goes into a package, or makes it. */
const made = ["docs", "kernel", "plugin-host", "plugin-kit", "plugin-sdk", "plugins", "registry", "skills", "store"];
const files = ["bun.lock", "bundle.ts", "pack.ts", "package.json", "pincer", "README.md", "LICENSE"];
/** Packages of sources that nobody has tested since. */
const keptMs = 24 * 60 * 60 * 1000;
/** For whoever packs meanwhile, on a machine that is busy. */
const patienceMs = 300_000;

/** Answers with the path of an archive in `folder`; `pack` makes one there, and says where it is. */
export async function packedOnce(repository: string, folder: string, pack: (folder: string) => Promise<string>): Promise<string> {
  const shared = join(tmpdir(), `pincer-packed-${userInfo().uid}`);
  mkdirSync(shared, { recursive: true, mode: 0o700 });
  if (statSync(shared).uid !== userInfo().uid) return pack(folder);
  const own = join(shared, digestOf(repository));
  using lock = new Database(join(shared, "lock"), { create: true });
  // Freed by the system however a test ends.
  lock.exec(`PRAGMA busy_timeout = ${patienceMs}; BEGIN EXCLUSIVE`);
  if (!existsSync(own)) {
    const next = mkdtempSync(join(shared, "next-"));
    await pack(next);
    renameSync(next, own);
  }
  const now = new Date();
  utimesSync(own, now, now);
  for (const name of readdirSync(shared)) {
    const other = join(shared, name);
    if (statSync(other).isDirectory() && now.getTime() - statSync(other).mtimeMs > keptMs) rmSync(other, { recursive: true });
  }
  const [name = ""] = readdirSync(own);
  const archive = join(folder, basename(name));
  copyFileSync(join(own, name), archive);
  return archive;
}

function digestOf(repository: string): string {
  const hash = new Bun.CryptoHasher("sha256").update(`${Bun.version} ${Bun.revision}\n`);
  const add = (path: string): void => {
    const stats = statSync(join(repository, path), { throwIfNoEntry: false });
    if (stats?.isFile()) hash.update(`${path} ${stats.mode & 0o111} ${stats.size}\n`).update(readFileSync(join(repository, path)));
    else if (stats) for (const name of readdirSync(join(repository, path)).sort()) if (name !== "node_modules") add(`${path}/${name}`);
  };
  for (const path of [...made, ...files]) add(path);
  return hash.digest("hex");
}
