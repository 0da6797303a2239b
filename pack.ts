/** Packs what is published: `bun pack.ts <pincer|sdk> [folder]` leaves `pincer-<version>.tgz` or `pincer-plugin-sdk-<version>.tgz` there. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { errorMessage } from "@pincer/plugin-sdk/error";
import defaultPlugins from "./kernel/default-plugins.json" with { type: "json" };
import { pack } from "./plugin-kit/archive.ts";
import { stagePincer } from "./plugin-kit/pincer-package.ts";
import { stageSdk } from "./plugin-kit/sdk-package.ts";

/** Answers with the path of the package. The same source gives the same bytes, where the process is in the folder of it. */
async function packPincer(repository: string, out: string): Promise<string> {
  const stage = mkdtempSync(join(tmpdir(), "pincer-stage-"));
  try {
    await stagePincer({ repository, stage, defaults: defaultPlugins });
    const files = readdirSync(stage, { recursive: true, encoding: "utf8" }).flatMap((name) => {
      const found = statSync(join(stage, name));
      if (!found.isFile()) return [];
      return { path: `pincer/${name}`, bytes: readFileSync(join(stage, name)), isExecutable: (found.mode & 0o100) !== 0 };
    });
    const { version } = JSON.parse(readFileSync(join(stage, "package.json"), "utf8")) as { readonly version: string };
    const path = join(out, `pincer-${version}.tgz`);
    await Bun.write(path, pack(files));
    return path;
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** Answers with the path of the package. */
export async function packSdk(repository: string, out: string): Promise<string> {
  const stage = mkdtempSync(join(tmpdir(), "pincer-sdk-stage-"));
  try {
    // What runs in a process of its own is bundled from its source, which is not published.
    const plugins = defaultPlugins.map((id) => join(repository, "plugins", id)).filter((folder) => !wishesProcess(folder));
    await stageSdk({ repository, stage, plugins });
    mkdirSync(out, { recursive: true });
    const command = [process.execPath, "pm", "pack", "--destination", out, "--ignore-scripts", "--quiet"];
    const packing = Bun.spawnSync(command, { cwd: stage, env: { ...process.env, BUN_BE_BUN: "1" } });
    const name = readdirSync(out).find((file) => /^pincer-plugin-sdk-.*\.tgz$/.test(file));
    if (packing.exitCode !== 0 || name === undefined) throw new Error(`bun pm pack ended with ${packing.exitCode}: ${packing.stderr}`);
    return join(out, name);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

const wishesProcess = (folder: string): boolean =>
  (JSON.parse(readFileSync(join(folder, "plugin.json"), "utf8")) as { readonly isolation: string }).isolation === "process";

if (import.meta.main) {
  try {
    const [what = "", folder = "."] = process.argv.slice(2);
    const packing = { pincer: packPincer, sdk: packSdk }[what];
    if (!packing) throw new Error(`expected "pincer" or "sdk", what is to be packed, came "${what}"`);
    if (!existsSync(join(import.meta.dir, "node_modules", "bun-types")))
      throw new Error(
        `packing needs what only development does, and this clone has what runs it: "${process.execPath} install --frozen-lockfile --ignore-scripts" brings the rest`,
      );
    const out = resolve(folder);
    // The bundler names its files by the way to the sources from here.
    process.chdir(import.meta.dir);
    console.log(await packing(import.meta.dir, out));
  } catch (error) {
    console.error(errorMessage(error));
    process.exitCode = 1;
  }
}
