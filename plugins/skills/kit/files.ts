/** What lies in a skill's folder. */
import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface SkillFile {
  /** From the skill's folder, with `/`. */
  readonly path: string;
  readonly bytes: number;
  /** Absent where it is no text. */
  readonly text?: string;
}

export interface SkillFiles {
  readonly files: readonly SkillFile[];
  /** What is no file: links and other things, which no archive of a skill may hold. */
  readonly strange: readonly string[];
}

const mostFiles = 2_000;
/** What is longer is not looked through. */
const longestText = 1_000_000;
const passedOver = new Set([".git", "node_modules", ".DS_Store"]);

export async function filesOf(root: string): Promise<SkillFiles> {
  const files: SkillFile[] = [];
  const strange: string[] = [];
  const look = async (folder: string): Promise<void> => {
    for (const name of (await readdir(join(root, folder))).sort()) {
      if (passedOver.has(name) || files.length >= mostFiles) continue;
      const path = folder === "" ? name : `${folder}/${name}`;
      const stats = await lstat(join(root, path));
      if (stats.isDirectory()) await look(path);
      else if (!stats.isFile()) strange.push(path);
      else files.push({ path, bytes: stats.size, ...(stats.size > longestText ? {} : await textOf(join(root, path))) });
    }
  };
  await look("");
  return { files, strange };
}

async function textOf(file: string): Promise<{ readonly text?: string }> {
  const bytes = await readFile(file);
  if (bytes.includes(0)) return {};
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return {}; // silent-ok: it is no text
  }
}
