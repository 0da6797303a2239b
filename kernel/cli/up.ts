/** `pincer up`: a gateway in the background, and the address of its page. */
import { spawn } from "node:child_process";
import { openSync, readFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { bold, cyan, dim, dot, yellow } from "@pincer/plugin-sdk/command/colour";
import { paragraph } from "@pincer/plugin-sdk/command/columns";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import type { ConfigIssue } from "@pincer/plugin-sdk/contracts/configuration";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { describeIssue } from "../config/config.ts";
import { type Client, connect } from "./client.ts";
import type { Invocation } from "./command.ts";
import { CliError } from "./failure.ts";
import { type Home, holder, makeHome, readState, repository, writeFirstConfig } from "./home.ts";
import type { Plugin } from "./plugins.ts";

export interface Judged {
  readonly valid: boolean;
  readonly issues: readonly ConfigIssue[];
  readonly warnings: readonly ConfigIssue[];
}

const readyMs = 30_000;
const lookMs = 10;

export async function up(invocation: Invocation): Promise<number> {
  const { flags, home, terminal } = invocation;
  if (flags["foreground"]) return (await import("./gateway.ts")).gateway(invocation);
  const began = systemClock.monotonic();
  makeHome(home);
  const before = await settled(home);
  if (!before) {
    writeFirstConfig(home);
    await start(home, flags["dev"] === true);
  }
  using client = await connect(home);
  await welcome(client, invocation, before ? undefined : systemClock.monotonic() - began);
  if (flags["dev"]) terminal.note("Plugins are reloaded when their files change; pincer logs -f shows it.");
  return EXIT.done;
}

/** A gateway that starts or stops just now is waited for. */
async function settled(home: Home): Promise<ReturnType<typeof holder>> {
  for (const deadline = systemClock.monotonic() + readyMs; systemClock.monotonic() < deadline; await systemClock.sleep(lookMs)) {
    const found = holder(home);
    if (!found || found.state) return found;
  }
  throw failedStart(home, `the gateway that has this home was neither ready nor gone in ${readyMs / 1000} s`);
}

export async function start(home: Home, dev: boolean): Promise<void> {
  const output = openSync(home.outputFile, "a", 0o600);
  truncateSync(home.outputFile);
  const words = [...process.execArgv, process.argv[1]!, "gateway", "--managed", "--home", home.path, ...(dev ? ["--dev"] : [])];
  // Not the caller's folder: it may go away, and nothing in it concerns the gateway.
  const where = { cwd: repository, env: process.env };
  const child = spawn(process.execPath, words, { ...where, detached: true, stdio: ["ignore", output, output] });
  let ended: number | string | undefined;
  child.on("exit", (code, signal) => {
    ended = code ?? signal ?? "?";
  });
  child.unref();
  await untilReady(home, child.pid ?? 0, () => ended);
}

async function untilReady(home: Home, pid: number, ended: () => number | string | undefined): Promise<void> {
  const deadline = systemClock.monotonic() + readyMs;
  for (;;) {
    const state = readState(home);
    if (state?.pid === pid && (await fetch(new URL("/readyz", state.url)).catch(() => undefined))?.ok) return; // silent-ok: asked again
    const other = ended() === undefined ? undefined : holder(home)?.pid;
    // Somebody else's start was faster; then that one is waited for.
    if (other !== undefined) return untilReady(home, other, () => undefined);
    if (ended() !== undefined) throw failedStart(home, `the gateway ended while it started (${ended()})`);
    if (systemClock.monotonic() > deadline) throw failedStart(home, `the gateway was not ready in ${readyMs / 1000} s`);
    await systemClock.sleep(lookMs);
  }
}

/** What the gateway said is the reason when it ended by itself. */
function failedStart(home: Home, message: string): CliError {
  const said = statSync(home.outputFile, { throwIfNoEntry: false })
    ? readFileSync(home.outputFile, "utf8").trim().split("\n").slice(-12).join("\n")
    : "";
  const [, reason, details = said] = /^error (.+)$(.*)/.exec(Bun.stripANSI(said)) ?? [];
  return new CliError(reason ?? message, { code: "CLI_START_FAILED", next: "pincer doctor", details });
}

export const isDemoModel = (model: string): boolean => /^(provider-)?demo\b/.test(model);

interface AgentsList {
  readonly defaultId: string;
  readonly agents: readonly { readonly id: string; readonly model?: { readonly primary?: string } }[];
}

/** What answers for the default agent; `undefined` without a router or a model. */
export async function defaultModel(client: Client): Promise<string | undefined> {
  const { agents, defaultId } = await client.call<AgentsList>("agents.list", {}).catch((): AgentsList => ({ defaultId: "", agents: [] })); // silent-ok: without a router there is still a page
  return agents.find(({ id }) => id === defaultId)?.model?.primary;
}

/** The environment variables that would enable a plugin that is off, as its manifest names them. */
function enabling({ state, folder }: Plugin): readonly { readonly name: string; readonly isOfModels: boolean }[] {
  const { enableWhen, generated } = state === "disabled" ? JSON.parse(readFileSync(join(folder, "plugin.json"), "utf8")) : {};
  return (enableWhen?.env ?? []).map((name: string) => ({ name, isOfModels: generated?.provides?.provider !== undefined }));
}

/** One line with where to go, one with what answers there. */
export async function welcome(client: Client, { terminal, home }: Invocation, tookMs: number | undefined): Promise<void> {
  const [link, model, { plugins }, { issues, warnings }] = await Promise.all([
    client.call<{ url: string; expiresAtMs: number }>("gateway.loginLink", {}),
    defaultModel(client),
    client.call<{ plugins: readonly Plugin[] }>("plugins.status", {}).catch(() => ({ plugins: [] })), // silent-ok: who would answer is not enabled
    client.call<Judged>("config.get", {}).catch((): Judged => ({ valid: true, issues: [], warnings: [] })), // silent-ok: nor the one for this
  ]);
  const missing = plugins.flatMap(enabling);
  const keys = missing.flatMap(({ name, isOfModels }) => (isOfModels && /KEY|TOKEN/.test(name) ? name : []));
  const how = keys.length > 0 ? `pincer secrets set <KEY> makes it real, with one of ${keys.join(", ")}` : "pincer doctor says why";
  const isDemo = model === undefined || isDemoModel(model);
  terminal.result(
    { ok: true, ...link, alreadyRunning: tookMs === undefined, model: model ?? null, demo: isDemo, home: home.path },
    [
      "",
      `  ${dot("good")} ${bold("Pincer")} ${tookMs === undefined ? "runs already" : `is up ${dim(`(${(tookMs / 1000).toFixed(2)} s)`)}`}   ${cyan(link.url)}`,
      "",
      ...[
        model === undefined
          ? `${yellow("no model")} answers; pincer doctor says why.`
          : isDemo
            ? `${yellow("offline demo")} answers; ${how}. pincer models list all says why no other does.`
            : `${bold(model)} answers.`,
        ...missing.flatMap(({ name }) =>
          process.env[name] ? `${yellow(name)} is set here, but the gateway runs without it: pincer restart` : [],
        ),
        ...[...issues, ...warnings].map((issue) => `${yellow("configuration")} ${describeIssue(issue)}`),
        dim("The link logs one browser in, once. Another: pincer up. Stop: pincer stop. In this terminal: pincer chat"),
      ].map((text) => paragraph(text, "    ")),
      "",
    ].join("\n"),
  );
}
