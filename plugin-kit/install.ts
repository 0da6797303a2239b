/** A plugin's third-party code: installed from its own lock into its own folder, and no script of it is run. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";

/** Whether the plugin has dependencies that are not in its folder. */
export function needsDependencies(folder: string): boolean {
  const file = join(folder, "package.json");
  if (!existsSync(file)) return false;
  const { dependencies = {} } = JSON.parse(readFileSync(file, "utf8")) as { dependencies?: Record<string, string> };
  return Object.keys(dependencies).some((name) => !existsSync(join(folder, "node_modules", name)));
}

/** Variables that an installation may see: where things are, and the way to the registry. */
const passed =
  /^(PATH|HOME|TMPDIR|USERPROFILE|SYSTEMROOT|XDG_CACHE_HOME|BUN_INSTALL\w*|BUN_CONFIG_REGISTRY|(HTTPS?|NO|ALL)_PROXY|SSL_CERT_FILE|NODE_EXTRA_CA_CERTS)$/i;

/** At once when nothing is missing. Throws `PLUGIN_INSTALL_FAILED` with what the installer said last. */
export async function installDependencies(folder: string, onProgress: (line: string) => void): Promise<void> {
  if (!needsDependencies(folder)) return;
  if (!existsSync(join(folder, "bun.lock")))
    throw pluginErrors.PLUGIN_INSTALL_FAILED(`${folder} has dependencies and no bun.lock: run "bun install" there`);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => passed.test(name)));
  const command = [process.execPath, "install", "--frozen-lockfile", "--ignore-scripts", "--production"];
  const installer = Bun.spawn(command, { cwd: folder, env: { ...env, BUN_BE_BUN: "1" }, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const said: string[] = [];
  const follow = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      for (const line of decoder
        .decode(chunk, { stream: true })
        .split(/[\r\n]+/)
        .filter(Boolean)) {
        said.push(line);
        onProgress(line);
      }
    }
  };
  await Promise.all([follow(installer.stdout), follow(installer.stderr), installer.exited]);
  if (installer.exitCode !== 0)
    throw pluginErrors.PLUGIN_INSTALL_FAILED(`bun install in ${folder} ended with ${installer.exitCode}: ${said.slice(-5).join("; ")}`);
}
