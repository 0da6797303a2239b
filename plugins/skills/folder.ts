/** One folder of skills: what lies in it, read again only where it has changed. */
import { type Stats, watch } from "node:fs";
import { lstat, readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import type { Logger } from "@pincer/plugin-sdk";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import { revokedWords } from "@pincer/plugin-sdk/revoked";
import { longestSkillFile, parseSkill, type Skill } from "@pincer/plugin-sdk/skill";
import type { Root } from "./roots.ts";

/** A skill without its text, which is read when it is used. */
export type KnownSkill = Omit<Skill, "body">;

export interface FoundSkill {
  readonly root: Root;
  /** What its folder is called, and so it. */
  readonly name: string;
  readonly folder: string;
  readonly file: string;
  readonly changedAt: number;
  readonly skill?: KnownSkill;
  /** Why it cannot be used. */
  readonly fault?: string;
}

interface Place {
  readonly name: string;
  readonly folder: string;
  readonly inode: number;
}

const deepest = 4;
const mostPlaces = 10_000;
const mostFolders = 20_000;
/** Each costs the system a watch and a moment; what is beyond is looked at again instead. */
const mostWatched = 512;
const atOnce = 32;
const passedOver = new Set(["node_modules", "__pycache__"]);
/** May lie elsewhere behind a link, since the owner put them there; what lies in a workspace may not. */
const linked: ReadonlySet<Root["source"]> = new Set(["personal", "managed", "extra"]);

const look = (path: string): Promise<Stats | undefined> => stat(path).catch(() => undefined); // silent-ok: what is not there is not found

/** What a link leads to may be a skill; what lies further in is not looked through, since it may be everything. */
const isLink = async (path: string): Promise<boolean> => (await lstat(path).catch(() => undefined))?.isSymbolicLink() !== false; // silent-ok: gone

export class SkillFolder implements Disposable {
  readonly root: Root;
  readonly #log: Pick<Logger, "warn">;
  readonly #onChange: () => void;
  readonly #watches: boolean;
  readonly #watchers = new Map<string, { readonly inode: number; close(): void }>();
  readonly #read = new Map<string, { readonly stamp: string; readonly found: FoundSkill }>();
  #found: readonly FoundSkill[] = [];
  #isStale = true;
  #scan: Promise<readonly FoundSkill[]> | undefined;
  #isWatched = false;
  #scannedAt = Number.NEGATIVE_INFINITY;

  constructor(root: Root, options: { readonly log: Pick<Logger, "warn">; readonly watches: boolean; onChange(): void }) {
    this.root = root;
    this.#log = options.log;
    this.#watches = options.watches;
    this.#onChange = options.onChange;
  }

  /** What lies there now. `recheckMs`: how long what cannot be watched is taken to be as it was. */
  skills(now: number, recheckMs: number): Promise<readonly FoundSkill[]> {
    // While it is looked through, nothing is known yet.
    const isKnown = !this.#isStale && this.#scan === undefined && (this.#isWatched || now < this.#scannedAt + recheckMs);
    if (isKnown) return Promise.resolve(this.#found);
    this.#scan ??= this.#rescan(now).finally(() => {
      this.#scan = undefined;
    });
    return this.#scan;
  }

  /** What was found when it was looked through last. */
  get known(): readonly FoundSkill[] {
    return this.#found;
  }

  get isReading(): boolean {
    return this.#scan !== undefined;
  }

  lookAgain(): void {
    this.#isStale = true;
  }

  [Symbol.dispose](): void {
    for (const { close } of this.#watchers.values()) close();
    this.#watchers.clear();
  }

  async #rescan(now: number): Promise<readonly FoundSkill[]> {
    // Before anything is read, so that what changes meanwhile is read once more.
    this.#isStale = false;
    this.#scannedAt = now;
    const seen = new Set<string>();
    const places: Place[] = [];
    this.#isWatched = this.#watches;
    if ((await look(this.root.path)) === undefined) await this.#watchNearest(seen);
    else await this.#collect(this.root.path, 0, places, seen);
    if (places.length > mostWatched) this.#isWatched = false;
    else for (const { folder, inode } of places) this.#watch(folder, inode, seen);
    for (const [path, { close }] of this.#watchers) {
      if (seen.has(path)) continue;
      close();
      this.#watchers.delete(path);
    }
    const found: FoundSkill[] = new Array(places.length);
    let next = 0;
    const work = async () => {
      for (let at = next++; at < places.length; at = next++) found[at] = await this.#one(places[at]!);
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, places.length) }, work));
    const files = new Set(found.map(({ file }) => file));
    for (const file of this.#read.keys()) if (!files.has(file)) this.#read.delete(file);
    this.#found = found;
    return found;
  }

  /** Folders with a SKILL.md, in groups too. An installed one lies under its digest, which `current` names. */
  async #collect(folder: string, depth: number, places: Place[], seen: Set<string>): Promise<void> {
    const here = await look(folder);
    if (here === undefined) return;
    this.#watch(folder, here.ino, seen);
    const names = await readdir(folder).catch((error: unknown) => {
      this.#log.warn("skills.unreadable", { folder, error: errorMessage(error) });
      return [];
    });
    for (const name of names.sort()) {
      if (name.startsWith(".") || passedOver.has(name) || places.length >= mostPlaces) continue;
      const path = join(folder, name);
      const stats = await look(path);
      if (!stats?.isDirectory()) continue;
      const current = this.root.source === "managed" ? await installedIn(path) : undefined;
      const inside = current ?? path;
      if (current !== undefined) this.#watch(path, stats.ino, seen);
      if (await look(join(inside, "SKILL.md"))) places.push({ name, folder: inside, inode: (await look(inside))?.ino ?? 0 });
      else if (depth < deepest && seen.size < mostFolders && !(await isLink(path))) await this.#collect(path, depth + 1, places, seen);
    }
  }

  async #one({ name, folder }: Place): Promise<FoundSkill> {
    const file = join(folder, "SKILL.md");
    const stats = await look(file);
    const revoked = this.root.source === "managed" ? revokedWords(folder) : undefined;
    if (revoked !== undefined) return { root: this.root, name, folder, file, changedAt: stats?.mtimeMs ?? 0, fault: revoked };
    const stamp = `${stats?.ino} ${stats?.size} ${stats?.mtimeMs} ${stats?.ctimeMs}`;
    const known = this.#read.get(file);
    if (known?.stamp === stamp) return known.found;
    const found = {
      root: this.root,
      name,
      folder,
      file,
      changedAt: stats?.mtimeMs ?? 0,
      ...(await this.#parsed(name, folder, file, stats)),
    };
    this.#read.set(file, { stamp, found });
    return found;
  }

  async #parsed(name: string, folder: string, file: string, stats: Stats | undefined): Promise<Pick<FoundSkill, "skill" | "fault">> {
    if (!stats?.isFile()) return { fault: "SKILL.md: expected a file" };
    if (stats.size > longestSkillFile) return { fault: `SKILL.md: expected at most ${longestSkillFile} bytes, came ${stats.size}` };
    try {
      const [real, home, root] = await Promise.all([realpath(file), realpath(folder), realpath(this.root.path)]);
      if (!within(home, real)) return { fault: "SKILL.md: expected a file of this folder, came a link that leads out of it" };
      const isOwn = linked.has(this.root.source) || within(root, home);
      if (!isOwn) return { fault: `expected a folder in ${this.root.path}, came a link that leads out of it` };
      const { body: _, ...skill } = parseSkill(await readFile(file, "utf8"), file, name);
      return { skill };
    } catch (error) {
      return { fault: isGatewayError(error) ? error.message.replace(`${file}: `, "SKILL.md, ") : errorMessage(error) };
    }
  }

  /** A root that is not there yet is noticed when it, or what it lies in, is made. */
  async #watchNearest(seen: Set<string>): Promise<void> {
    for (let path = this.root.path; dirname(path) !== path; path = dirname(path)) {
      const stats = await look(dirname(path));
      if (stats === undefined) continue;
      this.#watch(dirname(path), stats.ino, seen, basename(path));
      return;
    }
  }

  /** `only`: of all that happens there, what happens to that name. */
  #watch(path: string, inode: number, seen: Set<string>, only?: string): void {
    seen.add(path);
    const known = this.#watchers.get(path);
    // A folder that was put in the place of another has the name, but the watch stays with the old one.
    if (!this.#watches || known?.inode === inode) return;
    known?.close();
    this.#watchers.delete(path);
    try {
      const watcher = watch(
        path,
        { persistent: false },
        (_event, name) => (only === undefined || name === null || name === only) && this.#changed(),
      );
      watcher.on("error", () => {
        this.#watchers.delete(path);
        this.#changed();
      });
      this.#watchers.set(path, { inode, close: () => watcher.close() });
    } catch (error) {
      this.#isWatched = false;
      this.#log.warn("skills.unwatched", { path, error: errorMessage(error) });
    }
  }

  #changed(): void {
    if (this.#isStale) return;
    this.#isStale = true;
    this.#onChange();
  }
}

const within = (folder: string, path: string): boolean => path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);

async function installedIn(folder: string): Promise<string | undefined> {
  const file = join(folder, "current");
  const stats = await lstat(file).catch(() => undefined); // silent-ok: put there by hand, without versions
  if (!stats?.isFile() || stats.size > 256) return undefined;
  const digest = (await readFile(file, "utf8")).trim();
  return /^[A-Za-z0-9._-]+$/.test(digest) && !digest.startsWith(".") ? join(folder, digest) : undefined;
}
