/** `pincer doctor`: looks at everything that could keep the gateway from working, and says how to mend it. */
import { Database } from "bun:sqlite";
import { existsSync, statfsSync, statSync } from "node:fs";
import { connect as dial } from "node:net";
import { userInfo } from "node:os";
import root from "../../package.json" with { type: "json" };
import { systemClock } from "../clock.ts";
import { describeIssue } from "../config/config.ts";
import { connect } from "./client.ts";
import type { Run } from "./command.ts";
import { EXIT } from "./failure.ts";
import { type Home, holder, readConfig } from "./home.ts";
import { bold, dim, green, red, yellow } from "./terminal.ts";
import { readWholeConfig } from "./whole-config.ts";

interface Finding {
  readonly check: string;
  readonly level: "ok" | "warning" | "error";
  readonly detail: string;
  /** The command that mends it. */
  readonly mend?: string;
}

const MiB = 1024 * 1024;
const freeErrorBytes = 100 * MiB;
const freeWarningBytes = 1024 * MiB;
const skewWarningMs = 60_000;
/** Before Pincer existed: a clock that says so is wrong. */
const earliest = Date.UTC(2026, 0, 1);
const reachMs = 3_000;

const ok = (check: string, detail: string): Finding => ({ check, level: "ok", detail });
const quoted = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);

function checkHome(home: Home): Finding[] {
  if (!existsSync(home.path)) return [{ check: "home", level: "warning", detail: `${home.path} does not exist yet`, mend: "pincer up" }];
  const { mode, uid } = statSync(home.path);
  const findings: Finding[] = [];
  if (uid !== userInfo().uid)
    findings.push({
      check: "home",
      level: "error",
      detail: `${home.path} belongs to another user`,
      mend: `sudo chown -R ${userInfo().username} ${quoted(home.path)}`,
    });
  if ((mode & 0o077) !== 0)
    findings.push({
      check: "home",
      level: "error",
      detail: `others may enter ${home.path} (0${(mode & 0o777).toString(8)})`,
      mend: `chmod 700 ${quoted(home.path)}`,
    });
  for (const file of [home.tokenFile, home.keyFile, `${home.path}/pincer.json5`]) {
    if (existsSync(file) && (statSync(file).mode & 0o077) !== 0)
      findings.push({ check: "home", level: "error", detail: `others may read ${file}`, mend: `chmod 600 ${quoted(file)}` });
  }
  if (existsSync(home.storeFile) && !existsSync(home.keyFile))
    findings.push({
      check: "key",
      level: "error",
      detail: `${home.keyFile} is missing; what was encrypted with it cannot be read`,
      mend: "restore it from a backup, or set the secrets again: pincer secrets set <NAME>",
    });
  return findings.length > 0 ? findings : [ok("home", home.path)];
}

function checkConfig(home: Home): Finding[] {
  const { issues, source, path } = readWholeConfig(home).current();
  if (issues.length === 0) return [ok("configuration", source === "defaults" ? "defaults; there is no file" : path)];
  return issues.map((issue) => ({
    check: "configuration",
    level: issue.level,
    detail: describeIssue(issue),
    mend: `edit ${quoted(path)}${issue.level === "warning" ? "" : `; until then ${source === "kept" ? "the last good copy is" : "defaults are"} in force`}`,
  }));
}

function checkStore(home: Home): Finding {
  if (!existsSync(home.storeFile)) return ok("store", "none yet");
  try {
    using db = new Database(home.storeFile, { readonly: true });
    const rows = db.query("pragma quick_check(1)").all() as { quick_check: string }[];
    const said = rows[0]?.quick_check ?? "";
    if (said === "ok") return ok("store", `${(statSync(home.storeFile).size / MiB).toFixed(1)} MB, sound`);
    return { check: "store", level: "error", detail: said, mend: `pincer stop, then restore ${quoted(home.storeFile)} from a backup` };
  } catch (error) {
    return {
      check: "store",
      level: "error",
      detail: (error as Error).message,
      mend: `pincer stop, then restore ${quoted(home.storeFile)} from a backup`,
    };
  }
}

async function checkPort(home: Home): Promise<Finding> {
  const held = holder(home);
  if (held?.state) return ok("port", `${held.state.url} (pid ${held.pid})`);
  const { port } = readConfig(home).section<{ port: number }>("gateway")();
  if (port === 0) return ok("port", "any that is free");
  const answers = await new Promise<boolean>((resolve) => {
    const socket = dial({ host: "127.0.0.1", port, timeout: reachMs });
    socket
      .once("connect", () => resolve(true))
      .once("error", () => resolve(false))
      .once("timeout", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
  if (!answers) return ok("port", `${port} is free`);
  const owner = ownerOf(port);
  return {
    check: "port",
    level: "error",
    detail: `port ${port} is used by ${owner ?? "another program"}`,
    mend: `end that program, or: pincer config set gateway.port ${port + 1}`,
  };
}

/** The program that listens on a port, as far as the system tells this user. */
function ownerOf(port: number): string | undefined {
  const [tool, ...rest] = Bun.which("ss") ? ["ss", "-ltnpH", `sport = :${port}`] : ["lsof", "-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"];
  if (!Bun.which(tool!)) return undefined;
  const text = Bun.spawnSync([tool!, ...rest]).stdout.toString();
  const [, name, pid] = /\("([^"]+)",pid=(\d+)/.exec(text) ?? [];
  if (name) return `${name} (pid ${pid})`;
  const lsof = /^p(\d+)\nc(.+)$/m.exec(text);
  return lsof ? `${lsof[2]} (pid ${lsof[1]})` : undefined;
}

function checkDisk(home: Home): Finding {
  const { bavail, bsize } = statfsSync(existsSync(home.path) ? home.path : "/");
  const free = bavail * bsize;
  const detail = `${(free / 1024 / MiB).toFixed(1)} GB free`;
  if (free > freeWarningBytes) return ok("disk", detail);
  return {
    check: "disk",
    level: free > freeErrorBytes ? "warning" : "error",
    detail,
    mend: "make room on this disk; a full one makes the gateway refuse new work",
  };
}

function checkClock(home: Home): Finding {
  const now = systemClock.now();
  const newest = existsSync(home.storeFile) ? statSync(home.storeFile).mtimeMs : 0;
  if (now > earliest && now > newest - skewWarningMs) return ok("clock", new Date(now).toISOString());
  const detail =
    now <= earliest ? `it is ${new Date(now).getUTCFullYear()}, says this machine` : "the clock is behind what was last written";
  return {
    check: "clock",
    level: "error",
    detail,
    mend: process.platform === "darwin" ? "sudo sntp -sS time.apple.com" : "sudo timedatectl set-ntp true",
  };
}

function checkBun(): Finding {
  const pinned = root.devDependencies["bun-types"];
  if (Bun.version === pinned) return ok("bun", Bun.version);
  return {
    check: "bun",
    level: "warning",
    detail: `Bun ${Bun.version} runs this, ${pinned} is the one that it is tested with`,
    mend: "start it by ./pincer, which fetches that one",
  };
}

interface AuthStatus {
  readonly providers: readonly {
    readonly provider: string;
    readonly displayName?: string;
    readonly status: string;
    readonly detail?: string;
  }[];
}

/** Whether the gateway answers, what its plugins say, and whether providers can be reached. */
async function checkGateway(home: Home): Promise<Finding[]> {
  if (!holder(home)) return [{ check: "gateway", level: "warning", detail: "not running", mend: "pincer up" }];
  try {
    using client = await connect(home);
    const [health, plugins, auth] = await Promise.all([
      client.call<{ ok: boolean }>("health", { probe: true }),
      client.call<{ plugins: { id: string; error?: { message: string } | null }[] }>("plugins.status", {}),
      client.call<AuthStatus>("models.authStatus", { refresh: true }).catch((): AuthStatus => ({ providers: [] })), // silent-ok: no plugin serves models
    ]);
    const failed = plugins.plugins.flatMap(({ id, error }): Finding[] =>
      error ? [{ check: "plugin", level: "error", detail: `${id}: ${error.message}`, mend: `pincer plugins inspect ${id}` }] : [],
    );
    const providers = auth.providers.map(({ provider, displayName, status, detail }): Finding => {
      const text = `${displayName ?? provider}: ${detail ?? status}`;
      if (/^(ok|ready|connected|valid|static|configured)$/i.test(status)) return ok("provider", text);
      return { check: "provider", level: "warning", detail: text, mend: "check its key (pincer secrets list) and the network" };
    });
    return [
      health.ok
        ? ok("gateway", "answers")
        : { check: "gateway", level: "warning", detail: "reports that it is not well", mend: "pincer logs --level warn" },
      ...failed,
      ...providers,
    ];
  } catch (error) {
    return [{ check: "gateway", level: "error", detail: (error as Error).message, mend: "pincer logs, then pincer restart" }];
  }
}

export const doctor: Run = async ({ home, terminal }) => {
  const findings = [
    checkBun(),
    ...checkHome(home),
    ...checkConfig(home),
    checkStore(home),
    await checkPort(home),
    checkDisk(home),
    checkClock(home),
    ...(await checkGateway(home)),
  ];
  const marks = { ok: green("✓"), warning: yellow("!"), error: red("✗") };
  const lines = findings.flatMap(({ check, level, detail, mend }) => [
    `${marks[level]} ${bold(check.padEnd(13))} ${detail}`,
    ...(mend && level !== "ok" ? [`  ${" ".repeat(13)} ${dim("mend")} ${mend}`] : []),
  ]);
  const errors = findings.filter(({ level }) => level === "error").length;
  terminal.result({ ok: errors === 0, findings }, lines.join("\n"));
  return errors === 0 ? EXIT.done : EXIT.failed;
};
