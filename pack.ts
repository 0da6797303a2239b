/** Packs the SDK as it is published: `bun pack.ts [folder]` leaves `pincer-plugin-sdk-<version>.tgz` there. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { errorMessage } from "@pincer/plugin-sdk/error";
import defaultPlugins from "./kernel/default-plugins.json" with { type: "json" };
import { stageSdk } from "./plugin-kit/sdk-package.ts";

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
    console.log(await packSdk(import.meta.dir, resolve(process.argv[2] ?? ".")));
  } catch (error) {
    console.error(errorMessage(error));
    process.exitCode = 1;
  }
}
