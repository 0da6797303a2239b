/** The files of a workspace that make up an agent's prompt, read again only when they have changed. */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { AgentConfig } from "./config.ts";
import { shorten } from "./shorten.ts";

/** In the order in which they stand in the prompt: what changes most stands last. */
const agentFiles = ["AGENTS.md", "SOUL.md", "USER.md", "MEMORY.md"] as const;
/** What is about the owner is not for other people's conversations. */
const ownerOnly: ReadonlySet<string> = new Set(["USER.md", "MEMORY.md"]);

export interface AgentFile {
  readonly name: string;
  readonly text: string;
}

interface Cached {
  readonly version: string;
  readonly text: string;
}

const mostCached = 256;

export class AgentFiles {
  readonly #cache = new Map<string, Cached>();

  /** Missing and empty files are left out. */
  async read(
    workspace: string,
    owner: boolean,
    limits: Pick<AgentConfig, "promptFileChars" | "promptFilesChars">,
  ): Promise<readonly AgentFile[]> {
    const names = agentFiles.filter((name) => owner || !ownerOnly.has(name));
    const texts = await Promise.all(names.map((name) => this.#text(join(workspace, name), limits.promptFileChars)));
    let left = limits.promptFilesChars;
    return names.flatMap((name, index) => {
      const text = shorten(texts[index] ?? "", left);
      left = Math.max(0, left - text.length);
      return text === "" ? [] : [{ name, text }];
    });
  }

  async #text(path: string, most: number): Promise<string> {
    // Four looks a turn at files that are in the system's cache: a thread for each would cost ten times as much.
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isFile() !== true) {
      this.#cache.delete(path);
      return "";
    }
    const version = `${found.mtimeMs}:${found.size}:${found.ino}:${most}`;
    const cached = this.#cache.get(path);
    if (cached?.version === version) return cached.text;
    const file = Bun.file(path);
    // A file of any size costs no more memory than what may be shown of it: its beginning and its end.
    const whole =
      file.size <= most * 4 ? await file.text() : `${await file.slice(0, most * 4).text()}${await file.slice(-most * 4).text()}`;
    const text = shorten(whole.trim(), most);
    if (this.#cache.size >= mostCached) this.#cache.clear();
    this.#cache.set(path, { version, text });
    return text;
  }
}
