/** The folder in which a gateway keeps everything, and what can be known of it without asking the gateway. */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Logger } from "@pincer/plugin-sdk";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import type { TSchema } from "@sinclair/typebox";
import { isPublished } from "../../plugin-kit/published.ts";
import { homeHolder } from "../../store/lock.ts";
import { type Config, createConfig } from "../config/config.ts";
import { CliError } from "./failure.ts";
import firstConfig from "./templates/pincer.json5.txt";

/** Written by a gateway that listens, removed when it stops. Believed only while the process is the one that wrote it. */
interface RunningGateway {
  readonly pid: number;
  /** When the system says that the process began, since a pid is used again. */
  readonly processStart: string;
  readonly url: string;
  readonly version: string;
  readonly startedAt: number;
  readonly managed: boolean;
}

/** Of the file in a bundle's folder by which a gateway that runs from it says its pid. */
export const runningPrefix = "running.";

export const repository = dirname(dirname(import.meta.dir));
export const [isPackage, isCopy] = [isPublished(repository), existsSync(join(repository, "dist", "copy"))];

export type Home = ReturnType<typeof openHome>;

export function openHome(given: string | undefined) {
  const path = resolve(given ?? (process.env["PINCER_HOME"] || join(homedir(), ".pincer")));
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === false)
    throw new CliError(`the home ${path}: expected a folder, came a file`);
  return {
    path,
    configFile: join(path, "pincer.json5"),
    logFile: join(path, "gateway.log"),
    /** What the gateway's process wrote outside its log, such as why it could not start. */
    outputFile: join(path, "gateway.out"),
    stateFile: join(path, "gateway.json"),
    tokenFile: join(path, "token"),
    keyFile: join(path, "key"),
    storeFile: join(path, "pincer.db"),
  };
}

/** Where plugins are looked for. */
export const pluginFolders = (home: Home) =>
  [
    { path: join(repository, "plugins"), layout: "source" },
    { path: join(home.path, "plugins"), layout: "installed" },
  ] as const;

export const makeHome = (home: Home): void => void mkdirSync(home.path, { recursive: true, mode: 0o700 });

export function readState({ stateFile }: Home): RunningGateway | undefined {
  try {
    return JSON.parse(readFileSync(stateFile, "utf8")) as RunningGateway;
  } catch {
    return undefined; // silent-ok: no gateway has written it, or one is writing it now
  }
}

export function writeState({ stateFile }: Home, state: RunningGateway): Disposable {
  writeFileSync(stateFile, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  return { [Symbol.dispose]: () => rmSync(stateFile, { force: true }) };
}

/** When a process began, in the system's own words; `undefined` when there is none of that pid, or it has ended and nobody has asked how. */
export function processStart(pid: number): string | undefined {
  try {
    if (process.platform === "linux") return /\) (?!Z)(?:\S+ ){19}(\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))?.[1];
    const said = Bun.spawnSync(["ps", "-o", "lstart=", "-p", String(pid)]).stdout;
    return said.toString().trim() || undefined;
  } catch {
    return undefined; // silent-ok: it has ended
  }
}

/** Whoever has the home; `state` once it listens. */
export function holder(home: Home): { readonly pid: number | undefined; readonly state: RunningGateway | undefined } | undefined {
  const state = readState(home);
  if (state && processStart(state.pid) === state.processStart) return { pid: state.pid, state };
  // Its lock says so too, but only after a wait when it is held.
  const held = existsSync(home.path) ? homeHolder(home.path) : undefined;
  return held && { pid: held.pid, state: undefined };
}

const quiet: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Only what the CLI itself needs; unknown keys are the gateway's to judge. */
const ownSchema = {
  type: "object",
  default: {},
  properties: {
    port: { type: "integer", default: 18_789 },
    auth: { type: "object", default: {}, properties: { token: { type: "string" } } },
  },
} as unknown as TSchema;

export function readConfig(home: Home): Config {
  const config = createConfig({ home: home.path, clock: systemClock, log: quiet, env: process.env });
  config.declare("gateway", ownSchema, "cli");
  return config;
}

/** The shared token: the environment's, the configuration's, or the one in the home. */
export function readToken(home: Home): string | undefined {
  const { auth } = readConfig(home).section<{ auth: { token?: unknown } }>("gateway")();
  if (typeof auth.token === "string") return auth.token;
  return existsSync(home.tokenFile) ? readFileSync(home.tokenFile, "utf8").trim() : undefined;
}

/** Makes the configuration on first use: everything in it is a comment, so that every default stays a default. */
export function writeFirstConfig({ configFile }: Home): void {
  if (!existsSync(configFile)) writeFileSync(configFile, firstConfig, { mode: 0o600, flag: "wx" });
}
