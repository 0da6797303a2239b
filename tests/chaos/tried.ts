/** What the trials are about: the code that must not lose anything. Trials add up while it is unchanged, however the rest goes on. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const folders = ["kernel", "store", "plugin-sdk/channel", "plugin-sdk/runtime", "plugins/agent", "plugins/delivery", "plugins/channel-*"];
const other = /node_modules|\.test\.ts$|^kernel\/cli\//;

export function digestOf(repository: string): string {
  const hash = new Bun.CryptoHasher("sha256");
  for (const folder of folders) {
    const files = [...new Bun.Glob(`${folder}/**/*.{ts,json}`).scanSync({ cwd: repository })];
    for (const file of files.filter((path) => !other.test(path)).sort()) {
      hash.update(`${file}\0`).update(readFileSync(join(repository, file)));
    }
  }
  return hash.digest("hex").slice(0, 16);
}

/** The commit that is tried, or what it is based on. */
export function commitOf(repository: string): string {
  const git = (...words: string[]) => {
    const { stdout } = Bun.spawnSync(["git", ...words], { cwd: repository });
    return stdout.toString().trim();
  };
  const changed = git("status", "--porcelain", "--", ...folders, ":!kernel/cli") === "" ? "" : " with changes";
  return `${git("rev-parse", "--short", "HEAD")}${changed}`;
}
