/** Where packages of npm come from on this machine: what its owner has set for Bun and for npm counts here too. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, relative } from "node:path";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { RegistryError } from "@pincer/registry/error";
import { environmentWith } from "./environment.ts";

export interface NpmRegistry {
  /** Ends with a slash. */
  readonly url: URL;
  /** What goes with each request to it, and nowhere else. */
  readonly authorization?: string;
}

export interface NpmSettings {
  /** Throws `REGISTRY_UNREACHABLE`. */
  registryOf(packageName: string, signal: AbortSignal): Promise<NpmRegistry>;
}

/** As `permissions.files` of the manifest names it. */
const npmrcAt = "~/.npmrc";

interface Machine {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** The address of any package's archive in the registry that Bun uses by itself. */
  readonly ask: (packageName: string, signal: AbortSignal) => Promise<string>;
}

/** `BUN_CONFIG_REGISTRY`, `NPM_CONFIG_REGISTRY`, the owner's `.npmrc` with registries of scopes and tokens, and what Bun has otherwise. */
export function npmSettings({ env, home, ask }: Machine = { env: process.env, home: homedir(), ask: askBun }): NpmSettings {
  const file = join(home, relative("~", npmrcAt));
  const npmrc = existsSync(file) ? linesOf(readFileSync(file, "utf8"), env) : new Map<string, string>();
  let usual: Promise<URL> | undefined;

  async function urlOf(packageName: string, signal: AbortSignal): Promise<URL> {
    const scope = /^@[^/]+/.exec(packageName)?.[0];
    const set = env["BUN_CONFIG_REGISTRY"] || env["NPM_CONFIG_REGISTRY"] || env["npm_config_registry"] || npmrc.get("registry");
    const named = (scope && npmrc.get(`${scope}:registry`)) || set;
    if (named) return registryUrl(named);
    usual ??= ask(packageName, signal).then((archive) => new URL("/", archive));
    return usual.catch((error) => {
      usual = undefined;
      signal.throwIfAborted();
      throw new RegistryError("REGISTRY_UNREACHABLE", `no registry of npm answers for ${packageName}: ${errorMessage(error)}`, {
        cause: error,
      });
    });
  }

  return {
    async registryOf(packageName, signal) {
      const url = await urlOf(packageName, signal);
      const authorization = authorizationFor(url, npmrc);
      return { url, ...(authorization !== undefined && { authorization }) };
    },
  };
}

function registryUrl(text: string): URL {
  const url = URL.parse(text.endsWith("/") ? text : `${text}/`);
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new RegistryError(
    "REGISTRY_UNREACHABLE",
    `expected the address of a registry of npm in the machine's settings, came ${JSON.stringify(text)}`,
  );
}

/** `key=value`, with comments, and variables as `${NAME}`. */
function linesOf(text: string, env: Machine["env"]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const [, key, value] = /^\s*([^;#\s=][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key === undefined) continue;
    const plain = value!.replace(/^(["'])(.*)\1$/, "$2").replace(/\$\{([^}]+)\}/g, (whole, name: string) => env[name] ?? whole);
    found.set(key, plain);
  }
  return found;
}

/** Keys are `//host/path/:_authToken`; the longest path that the address begins with counts. */
function authorizationFor(url: URL, npmrc: ReadonlyMap<string, string>): string | undefined {
  for (let path = `//${url.host}${url.pathname}`; path.length > 2; path = path.replace(/[^/]*\/$/, "")) {
    const at = (name: string) => npmrc.get(`${path}:${name}`) ?? npmrc.get(`${path.replace(/\/$/, "")}:${name}`);
    const [token, basic, user, password] = [at("_authToken"), at("_auth"), at("username"), at("_password")];
    if (token) return `Bearer ${token}`;
    if (basic) return `Basic ${basic}`;
    if (user && password) return `Basic ${Buffer.from(`${user}:${Buffer.from(password, "base64")}`).toString("base64")}`;
  }
  return undefined;
}

/** Where Bun has its own settings, and what it keeps. */
const own = ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "BUN_INSTALL", "BUN_INSTALL_CACHE_DIR"];

async function askBun(packageName: string, signal: AbortSignal): Promise<string> {
  const command = [process.execPath, "info", packageName, "dist.tarball"];
  const asked = Bun.spawn(command, {
    cwd: "/",
    env: { ...environmentWith(own), BUN_BE_BUN: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    signal,
  });
  const [said, complaint] = await Promise.all([new Response(asked.stdout).text(), new Response(asked.stderr).text()]);
  if ((await asked.exited) !== 0) throw new Error(complaint.trim().split("\n").at(-1) ?? "bun info ended without a word");
  return said.trim();
}
