/**
 * A plugin's third-party code: what its own lock names, each a version of the registry with its checksum, and no script of it is run. It is fetched
 * beside the plugin's folder, in which a plugin could say where from and where to (`bunfig.toml`, `.npmrc`), and put there when it is whole.
 */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { isObject, type JsonObject } from "@pincer/plugin-sdk/json5";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { checkWanted, readLock } from "./packages/lock.ts";
import { type ArchiveSource, serveArchives } from "./packages/loopback.ts";
import { createStage, takeOver } from "./packages/stage.ts";

/** Whether the plugin has dependencies that are not in its folder. */
export function needsDependencies(folder: string): boolean {
  return Object.keys(wantedIn(folder)).some((name) => !existsSync(join(folder, "node_modules", name)));
}

const longestManifest = 2 ** 20;

/** As its `package.json` says, whoever has written that. */
function wantedIn(folder: string): JsonObject {
  const file = join(folder, "package.json");
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return {};
  const refuse = (what: string) => pluginErrors.PLUGIN_INSTALL_FAILED(`${file}: expected ${what}`);
  if (size > longestManifest) throw refuse(`at most ${longestManifest} bytes, came ${size}`);
  let said: unknown;
  try {
    said = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw refuse(`JSON (${errorMessage(error)})`);
  }
  if (!isObject(said)) throw refuse("an object");
  const { dependencies = {} } = said;
  if (!isObject(dependencies)) throw refuse("dependencies by their names");
  return dependencies;
}

export interface InstallOptions {
  /** Where archives come from; absent: from Bun's registry. Bun's own cache is never used: it takes files in there that were changed. */
  readonly archives?: ArchiveSource;
  readonly signal?: AbortSignal;
}

/**
 * Into the plugin's folder, at once when nothing is missing. Throws `PLUGIN_INSTALL_FAILED` with what the installer said last, or what the source of
 * archives throws.
 */
export async function installDependencies(folder: string, onProgress: (line: string) => void, options: InstallOptions = {}): Promise<void> {
  if (needsDependencies(folder)) await fetchDependencies(folder, folder, onProgress, options);
}

/** The plugin's lock, which says of its packages all that there is to say. */
export function lockOf(folder: string): { readonly file: string; readonly text: string } {
  const file = join(folder, "bun.lock");
  if (!existsSync(file))
    throw pluginErrors.PLUGIN_INSTALL_FAILED(`${folder} has dependencies and no bun.lock: run "bun install" there, and ship both`);
  return { file, text: readFileSync(file, "utf8") };
}

/** What the plugin in `folder` needs, into the folder `to`. Throws as `installDependencies`. */
export async function fetchDependencies(
  folder: string,
  to: string,
  onProgress: (line: string) => void,
  { archives, signal = new AbortController().signal }: InstallOptions = {},
): Promise<void> {
  const { file, text } = lockOf(folder);
  const dependencies = wantedIn(folder);
  const lock = readLock(file, text);
  checkWanted(file, lock, dependencies);
  signal.throwIfAborted();
  const stage = createStage();
  try {
    writeFileSync(join(stage, "package.json"), JSON.stringify(lock.manifest));
    writeFileSync(join(stage, "bun.lock"), lock.text);
    const installing = { stage, folder, signal, onProgress };
    if (archives) {
      const onServed = ({ name, version }: { readonly name: string; readonly version: string }) => onProgress(`${name} ${version}`);
      await using registry = serveArchives({ packages: lock.packages, archives, signal, onServed });
      await install({ ...installing, env: ownEnv(stage, registry.url) }).catch((error) => {
        throw registry.failure() ?? error;
      });
    } else await install({ ...installing, env: usualEnv(stage) });
    takeOver(join(stage, "node_modules"), to, new Set(Object.keys(dependencies)));
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** Variables that an installation may see: where things are, and the way to the registry. */
const passed =
  /^(PATH|HOME|TMPDIR|USERPROFILE|SYSTEMROOT|BUN_INSTALL|BUN_CONFIG_REGISTRY|(HTTPS?|NO|ALL)_PROXY|SSL_CERT_FILE|NODE_EXTRA_CA_CERTS)$/i;
const cacheIn = (stage: string) => ({ BUN_INSTALL_CACHE_DIR: join(stage, "cache") });
const usualEnv = (stage: string) => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => passed.test(name))),
  ...cacheIn(stage),
});

/** Nothing that the machine has set counts. */
const ownEnv = (stage: string, registry: string) => ({
  PATH: process.env["PATH"],
  HOME: stage,
  TMPDIR: stage,
  ...cacheIn(stage),
  BUN_CONFIG_REGISTRY: registry,
});

interface Installing {
  readonly stage: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  onProgress(line: string): void;
}

async function install({ stage, folder, env, signal, onProgress }: Installing): Promise<void> {
  const command = [process.execPath, "install", "--frozen-lockfile", "--ignore-scripts", "--production"];
  const installer = Bun.spawn(command, { cwd: stage, env: { ...env, BUN_BE_BUN: "1" }, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const end = () => installer.kill("SIGKILL");
  signal.addEventListener("abort", end, { once: true });
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
  signal.removeEventListener("abort", end);
  signal.throwIfAborted();
  if (installer.exitCode !== 0)
    throw pluginErrors.PLUGIN_INSTALL_FAILED(
      `bun install of what ${folder} needs ended with ${installer.exitCode}: ${said.slice(-5).join("; ")}`,
    );
}
