/** `pincer stop`, `restart` and `status`. */
import { bold, dim, dot, red, yellow } from "@pincer/plugin-sdk/command/colour";
import { columns } from "@pincer/plugin-sdk/command/columns";
import { duration } from "@pincer/plugin-sdk/command/duration";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { describeIssue } from "../config/config.ts";
import { connect } from "./client.ts";
import type { Invocation, Run } from "./command.ts";
import { CliError, notRunning } from "./failure.ts";
import { type Home, holder, makeHome } from "./home.ts";
import type { Plugin } from "./plugins.ts";
import { type Judged, start, welcome } from "./up.ts";

const graceMs = 20_000;
const lookMs = 25;

/** Asks the gateway to stop and waits until the home is free. With `force` it is killed after the wait. */
async function end(home: Home, force: boolean): Promise<number> {
  const pid = holder(home)?.pid;
  if (pid === undefined) throw notRunning(home.path, "nothing is to be stopped; one with another home: pincer stop --home <folder>");
  process.kill(pid, "SIGTERM");
  for (const deadline = systemClock.monotonic() + graceMs; systemClock.monotonic() < deadline; await systemClock.sleep(lookMs)) {
    if (!holder(home)) return pid;
  }
  const next = "pincer stop --force ends it at once; nothing accepted is lost";
  if (!force) throw new CliError(`the gateway (pid ${pid}) has not stopped in ${graceMs / 1000} s`, { next });
  process.kill(pid, "SIGKILL");
  while (holder(home)) await systemClock.sleep(lookMs);
  return pid;
}

export const stop: Run = async ({ flags, home, terminal }) => {
  const pid = await end(home, flags["force"] === true);
  terminal.result({ ok: true, pid }, `${dot("good")} stopped ${dim(`(pid ${pid})`)}`);
  return EXIT.done;
};

export const restart: Run = async (invocation) => {
  const { flags, home } = invocation;
  const began = systemClock.monotonic();
  if (holder(home)) await end(home, flags["force"] === true);
  makeHome(home);
  await start(home, flags["dev"] === true);
  using client = await connect(home);
  await welcome(client, invocation, systemClock.monotonic() - began);
  return EXIT.done;
};

interface Health {
  readonly ok: boolean;
  readonly problems?: readonly string[];
  readonly plugins: { readonly errors: readonly { readonly id: string; readonly error: string }[] };
  readonly agents?: readonly { readonly sessions?: { readonly count: number } }[];
}

export async function status({ home, terminal }: Invocation): Promise<number> {
  const held = holder(home);
  if (!held?.state) {
    const how = held ? `${dot("off")} starting or stopping` : `${dot("bad")} not running`;
    terminal.result(
      { running: false, starting: held !== undefined, home: home.path },
      `${how}   ${dim(home.path)}\n  ${dim("next")} pincer up`,
    );
    return EXIT.notRunning;
  }
  using client = await connect(home);
  const [health, { plugins }, { valid, issues, warnings }] = await Promise.all([
    client.call<Health>("health"),
    client.call<{ plugins: Plugin[] }>("plugins.status", {}).catch(() => ({ plugins: [] as Plugin[] })), // silent-ok: who would answer is not enabled
    client.call<Judged>("config.get", {}).catch((): Judged => ({ valid: true, issues: [], warnings: [] })), // silent-ok: nor the one for this
  ]);
  const { state } = held;
  const sessions = (health.agents ?? []).reduce((sum, agent) => sum + (agent.sessions?.count ?? 0), 0);
  // A plugin's own error, where it has one, says more than what health makes of it.
  const troubles = new Map(health.plugins.errors.map(({ id, error }) => [id, error]));
  for (const { id, error } of plugins) if (error) troubles.set(id, error.message);
  const rows: [string, string][] = [
    [dim("since"), `${duration(systemClock.now() - state.startedAt)} (pid ${state.pid}${state.managed ? ", in the background" : ""})`],
    [dim("home"), home.path],
    [dim("sessions"), String(sessions)],
    [dim("plugins"), plugins.flatMap((plugin) => (plugin.state === "disabled" ? [] : plugin.id)).join(" ")],
    ...(health.problems ?? []).map((problem): [string, string] => [red("wrong"), problem]),
    ...[...troubles].map(([id, trouble]): [string, string] => [red("failed"), `${id}: ${trouble}`]),
    ...[...issues, ...warnings].map((issue): [string, string] => [yellow("config"), describeIssue(issue)]),
  ];
  if (!valid) rows.push([red("config"), "until it is mended, what was in force before stays: pincer doctor"]);
  const facts = { running: true, ...state, home: home.path, healthy: health.ok, problems: health.problems ?? [], sessions, plugins };
  const text = [
    `${dot(health.ok ? "good" : "off")} ${bold("Pincer")} ${state.version} runs   ${state.url}`,
    ...columns(rows, { indent: "  " }),
  ].join("\n");
  terminal.result({ ...facts, config: { valid, issues, warnings } }, text);
  return EXIT.done;
}
