/** `pincer doctor`: looks at everything that could keep the gateway from working, and says how to mend it. */
import { Database } from "bun:sqlite";
import { existsSync, statfsSync, statSync } from "node:fs";
import { userInfo } from "node:os";
import { bold, dim, dot } from "@pincer/plugin-sdk/command/colour";
import { columns } from "@pincer/plugin-sdk/command/columns";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { answers } from "../../plugin-host/findings.ts";
import { findConfinement } from "../../plugin-host/sandbox/find.ts";
import { describeIssue } from "../config/config.ts";
import kernel from "../package.json" with { type: "json" };
import { connect } from "./client.ts";
import type { Run } from "./command.ts";
import { type Home, holder, readConfig } from "./home.ts";
import type { Plugin } from "./plugins.ts";
import { shownPlainly } from "./terminal.ts";
import { defaultModel, isDemoModel } from "./up.ts";
import { readWholeConfig } from "./whole-config.ts";

interface Finding {
  readonly check: string;
  readonly level: "ok" | "warning" | "error";
  readonly detail: string;
  readonly mend?: string;
}

const ok = (check: string, detail: string): Finding => ({ check, level: "ok", detail });
const warning = (check: string, detail: string, mend: string): Finding => ({ check, level: "warning", detail, mend });
const wrong = (check: string, detail: string, mend: string): Finding => ({ check, level: "error", detail, mend });

const MiB = 1024 * 1024;
const leastFree = { error: 100 * MiB, warning: 1024 * MiB };
/** Before Pincer existed: a clock that says so is wrong. */
const earliest = Date.UTC(2026, 0, 1);

const quoted = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);
const isOpen = (path: string): boolean => existsSync(path) && (statSync(path).mode & 0o077) !== 0;

function checkHome({ path, configFile, tokenFile, keyFile, storeFile }: Home): Finding[] {
  if (!existsSync(path)) return [warning("home", `${path} does not exist yet`, "pincer up")];
  const findings = [tokenFile, keyFile, configFile]
    .filter(isOpen)
    .map((file) => wrong("home", `others may read ${file}`, `chmod 600 ${quoted(file)}`));
  if (isOpen(path)) findings.push(wrong("home", `others may enter ${path}`, `chmod 700 ${quoted(path)}`));
  if (statSync(path).uid !== userInfo().uid)
    findings.push(wrong("home", `${path} belongs to another user`, `sudo chown -R ${userInfo().username} ${quoted(path)}`));
  if (existsSync(storeFile) && !existsSync(keyFile))
    findings.push(
      wrong("key", `${keyFile} is missing; what it encrypted cannot be read`, "restore it from a backup, or set the secrets again"),
    );
  return findings.length > 0 ? findings : [ok("home", path)];
}

function checkConfig(home: Home): Finding[] {
  const { path, current } = readWholeConfig(home);
  const { issues, source } = current();
  if (issues.length === 0) return [ok("configuration", source === "defaults" ? "defaults; there is no file" : path)];
  const meanwhile = `; until then ${source === "kept" ? "the last good copy is" : "defaults are"} in force`;
  return issues.map((issue) =>
    issue.level === "error"
      ? wrong("configuration", describeIssue(issue), `edit ${quoted(path)}${meanwhile}`)
      : warning("configuration", describeIssue(issue), `edit ${quoted(path)}`),
  );
}

function checkStore({ storeFile }: Home): Finding {
  if (!existsSync(storeFile)) return ok("store", "none yet");
  let said: string | undefined;
  try {
    using db = new Database(storeFile, { readonly: true });
    said = (db.query("pragma quick_check(1)").get() as { quick_check: string } | null)?.quick_check;
  } catch (error) {
    said = errorMessage(error);
  }
  if (said === "ok") return ok("store", `${(statSync(storeFile).size / MiB).toFixed(1)} MB, sound`);
  return wrong("store", said ?? "it cannot be read", `pincer stop, then restore ${quoted(storeFile)} from a backup`);
}

async function checkPort(home: Home): Promise<Finding> {
  const held = holder(home);
  if (held?.state) return ok("port", `${held.state.url} (pid ${held.pid})`);
  const { port } = readConfig(home).section<{ port: number }>("gateway")();
  if (port === 0) return ok("port", "any that is free");
  if (!(await answers(`127.0.0.1:${port}`))) return ok("port", `${port} is free`);
  const mend = `end that program, or: pincer config set gateway.port ${port + 1}`;
  return wrong("port", `port ${port} is used by ${ownerOf(port) ?? "another program"}`, mend);
}

/** The program that listens on a port, as far as the system tells this user. */
function ownerOf(port: number): string | undefined {
  const ask = (...command: string[]) => (Bun.which(command[0]!) ? Bun.spawnSync(command).stdout.toString() : "");
  const [, name, pid] = /\("([^"]+)",pid=(\d+)/.exec(ask("ss", "-ltnpH", `sport = :${port}`)) ?? [];
  if (name) return `${name} (pid ${pid})`;
  const [, owner, program] = /^p(\d+)\nc(.+)$/m.exec(ask("lsof", "-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc")) ?? [];
  return owner && `${program} (pid ${owner})`;
}

function checkDisk({ path }: Home): Finding {
  const { bavail, bsize } = statfsSync(existsSync(path) ? path : "/");
  const free = bavail * bsize;
  const detail = `${(free / 1024 / MiB).toFixed(1)} GB free`;
  if (free > leastFree.warning) return ok("disk", detail);
  return (free > leastFree.error ? warning : wrong)("disk", detail, "make room on this disk; a full one makes the gateway refuse new work");
}

function checkClock({ storeFile }: Home): Finding {
  const now = systemClock.now();
  const newest = existsSync(storeFile) ? statSync(storeFile).mtimeMs : 0;
  if (now > earliest && now > newest - 60_000) return ok("clock", new Date(now).toISOString());
  const mend = process.platform === "darwin" ? "sudo sntp -sS time.apple.com" : "sudo timedatectl set-ntp true";
  const longAgo = now <= earliest && `this machine says it is ${new Date(now).getUTCFullYear()}`;
  return wrong("clock", longAgo || "it is behind what was last written", mend);
}

function checkBun(): Finding {
  const pinned = kernel.engines.bun;
  if (Bun.version === pinned) return ok("bun", Bun.version);
  return warning("bun", `${Bun.version} runs this; it is tested with ${pinned}`, "start it by ./pincer, which fetches that one");
}

/** Only plugins of others need one. */
async function checkSandbox(): Promise<Finding> {
  const found = await findConfinement();
  return "missing" in found ? warning("sandbox", `plugins of others cannot run: ${found.missing}`, found.mend) : ok("sandbox", found.kind);
}

type Provider = { readonly provider: string; readonly status: string } & { readonly [Fact in "displayName" | "detail"]?: string };
const checking = ["delivery", "registry-client"]; // plugins that say themselves what is wrong, and how to mend it
type Unwell = { readonly id: string; readonly activated: boolean; readonly error: string };

/** Providers that nobody asked for are no finding as long as another one answers. */
function checkProviders(providers: readonly Provider[], model: string): Finding[] {
  const wanted = isDemoModel(model) ? "" : model.split("/")[0]!;
  const findings = providers.flatMap(({ provider, displayName = provider, status, detail = "check its key" }) => {
    if (status !== "missing") return ok("provider", displayName);
    return wanted && provider !== wanted ? [] : warning("provider", `${displayName} cannot be used`, detail);
  });
  if (!wanted || providers.some(({ provider }) => provider === wanted)) return findings;
  return [
    ...findings,
    wrong("model", `no provider is called "${wanted}", as ${model} asks`, "pincer config set models.default <provider>/<model>"),
  ];
}

const mend = (id: string, said: string) =>
  /(?<=; what to type: )pincer .+$|pincer [a-z ]+(?= says what to do)/.exec(said)?.[0] ?? `pincer plugins inspect ${id}`;

/** What the plugin that installs packages says of the home alone, in a process of its own: it is nobody else's trouble. */
function checkPackages({ path }: Home): readonly Finding[] {
  const verify = Bun.spawnSync([process.execPath, process.argv[1]!, "verify", "--json", "--home", path]).stdout.toString();
  return (JSON.parse(verify || "{}", shownPlainly) as { findings?: readonly Finding[] }).findings ?? [];
}

/** Whether the gateway answers, what its plugins say, and whether providers can be reached. */
async function checkGateway(home: Home): Promise<Finding[]> {
  if (!holder(home)) return [warning("gateway", "not running", "pincer up"), ...checkPackages(home)];
  try {
    using client = await connect(home);
    const [health, { plugins }, { providers }, checked, model] = await Promise.all([
      client.call<{ ok: boolean; problems?: string[]; plugins: { errors: readonly Unwell[] } }>("health", { probe: true }),
      client.call<{ plugins: readonly Plugin[] }>("plugins.status", {}).catch(() => ({ plugins: [] })), // silent-ok: who would answer is not enabled, or named by health
      client.call<{ providers: readonly Provider[] }>("models.authStatus", { refresh: true }).catch(() => ({ providers: [] })), // silent-ok: no plugin serves models
      Promise.all(checking.map((id) => client.call<{ findings: readonly Finding[] }>(`${id}.check`, {}).catch(() => ({ findings: [] })))), // silent-ok: it is not enabled
      defaultModel(client),
    ]);
    const unwell = health.plugins.errors.filter(({ id, activated }) => activated && !checked[checking.indexOf(id)]?.findings.length);
    return [
      health.ok ? ok("gateway", "answers") : warning("gateway", "it says that it is not well", "pincer logs --level warn"),
      ...(health.problems ?? []).map((problem) => wrong("gateway", problem, "pincer logs --level error names what is concerned")),
      ...unwell.map(({ id, error }) => warning("plugin", `${id}: ${error}`, mend(id, error))),
      ...plugins.flatMap(({ id, error }) => (error ? [wrong("plugin", `${id}: ${error.message}`, mend(id, error.message))] : [])),
      ...checked.flatMap(({ findings }) => findings),
      ...checkProviders(providers, model ?? readWholeConfig(home).section<{ default?: string }>("models")().default ?? ""),
    ];
  } catch (error) {
    return [wrong("gateway", errorMessage(error), "pincer logs, then pincer restart")];
  }
}

export const doctor: Run = async ({ home, terminal }) => {
  const offline = [checkBun(), await checkSandbox(), ...checkHome(home), ...checkConfig(home), checkStore(home)];
  const findings = [...offline, await checkPort(home), checkDisk(home), checkClock(home), ...(await checkGateway(home))];
  const marks = { ok: dot("good"), warning: dot("off"), error: dot("bad") };
  const rows = findings.flatMap(({ check, level, detail, mend }): [string, string][] => [
    [`${marks[level]} ${bold(check)}`, detail],
    ...(mend && level !== "ok" ? [["", `${dim("mend:")} ${mend}`] as [string, string]] : []),
  ]);
  const errors = findings.filter(({ level }) => level === "error").length;
  terminal.result({ ok: errors === 0, findings }, columns(rows).join("\n"));
  return errors === 0 ? EXIT.done : EXIT.failed;
};
