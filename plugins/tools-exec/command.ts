/**
 * One shell command and everything that it starts. A small supervisor runs it in a session of its own, waits for it, and holds one end of
 * a pipe: when this process dies in whatever way, that pipe closes and the whole group is killed, so that nothing outlives the gateway.
 */
import { closeSync, existsSync } from "node:fs";
import { constants } from "node:os";
import { basename, dirname } from "node:path";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { Conceal } from "./conceal.ts";
import type { ExecConfig } from "./config.ts";
import { Output } from "./output.ts";
import { killMembers, signal } from "./tree.ts";

export interface Ending {
  /** Undefined when the supervisor itself was killed. */
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** Why it was stopped, when it did not end by itself. */
  readonly stopped: string | undefined;
  /** Processes that it left running and that were ended after it. */
  readonly left: number;
  readonly ms: number;
}

export interface Command {
  readonly text: string;
  /** What its processes carry in their environment, and no others. */
  readonly mark: string;
  readonly output: Output;
  readonly startedAt: number;
  readonly ended: Promise<Ending>;
  ending(): Ending | undefined;
  runningMs(): number;
  /** Resolves at the next output, or at the end. */
  changed(): Promise<void>;
  /** Answers whether its input was still open. */
  write(text: string, end: boolean): Promise<boolean>;
  /** Asks every process to end, kills those that do not, and waits for the end. The first reason is the one that is told. */
  stop(why: string): Promise<Ending>;
}

export interface CommandOptions {
  readonly text: string;
  readonly cwd: string;
  /** Keeps the input open for `write`; otherwise it is empty. */
  readonly input: boolean;
  /** What this command alone gets. Their values are not in its output. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  readonly settings: ExecConfig;
  readonly clock: Clock;
}

/** The trap keeps the supervisor until what it waits for has ended, so that it can be reaped; the kill by name ends the watch on the pipe. */
const supervisor = `
trap : TERM INT HUP
(read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 &
watch=$!
"$@" 3<&- 2>&1
code=$?
kill -KILL $watch
wait $watch
exit $code`;

const markName = "PINCER_COMMAND";
const fallbackPath = "/usr/local/bin:/usr/bin:/bin";
/** Behind all others, so that skills find the Bun that the gateway runs on, and Pincer, where a machine has none of its own. */
const own = (): string =>
  [process.execPath, process.env["PINCER_LAUNCHER"] ?? ""]
    .flatMap((file) => (/^(bun|pincer)$/.test(basename(file)) ? `:${dirname(file)}` : []))
    .join("");

/** Only what is named is passed on: no key of the gateway reaches a command (#78528). */
export function environmentOf({ pass, environment }: ExecConfig, cwd: string): Record<string, string> {
  const passed = pass.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]] as const]));
  const quiet = { TERM: "dumb", NO_COLOR: "1", PAGER: "cat", GIT_PAGER: "cat", GIT_TERMINAL_PROMPT: "0" };
  const all = { PATH: fallbackPath, ...quiet, ...Object.fromEntries(passed), ...environment };
  return { ...all, PATH: `${all.PATH}${own()}`, PWD: cwd };
}

const signalNames = new Map<number, string>(Object.entries(constants.signals).map(([name, number]) => [number, name]));

export function startCommand({ text, cwd, input, variables = {}, settings, clock }: CommandOptions): Command {
  const id = crypto.randomUUID();
  const mark = `${markName}=${id}`;
  const shell = settings.shell || (existsSync("/bin/bash") ? "/bin/bash" : "/bin/sh");
  // bash takes a socket as its input for a remote login, and would run the user's .bashrc first.
  const plain = basename(shell) === "bash" ? ["--norc", "--noprofile"] : [];
  const child = Bun.spawn(["/bin/sh", "-c", supervisor, "pincer", shell, ...plain, "-c", text], {
    cwd,
    env: { ...environmentOf(settings, cwd), ...variables, [markName]: id },
    stdio: [input ? "pipe" : "ignore", "pipe", "ignore", "pipe"],
    detached: true,
  });
  const { pid } = child;
  const lifeline = child.stdio[3] as number;
  const output = new Output(settings.headBytes, settings.tailBytes);
  const startedAt = clock.now();
  const begun = clock.monotonic();
  let stopped: string | undefined;
  let ending: Ending | undefined;
  let stopping: Promise<Ending> | undefined;
  let wake = Promise.withResolvers<void>();
  const tell = () => {
    wake.resolve();
    wake = Promise.withResolvers();
  };

  /** Waits for a promise, but no longer than that. */
  const within = async (ms: number, awaited: Promise<unknown>): Promise<void> => {
    const late = Promise.withResolvers<void>();
    using _timer = clock.after(ms, () => late.resolve());
    await Promise.race([awaited, late.promise]);
  };

  const conceal = new Conceal(variables);
  const reader = child.stdout.getReader();
  const read = (async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      output.push(conceal.push(next.value));
      tell();
      if (output.total > settings.outputBytes) void stop(`it wrote more than ${settings.outputBytes} bytes`);
    }
  })().catch(() => undefined); // silent-ok: a pipe that breaks has nothing more to say

  const isRunning = () => child.exitCode === null && child.signalCode === null;

  const end = async (): Promise<Ending> => {
    const status = await child.exited;
    const left = await killMembers(pid, mark);
    closeSync(lifeline);
    // Something that carries no mark may still hold the pipe.
    await within(settings.drainMs, read);
    await reader.cancel();
    output.push(conceal.end());
    const killed = child.signalCode === null ? undefined : String(child.signalCode);
    const code = killed === undefined ? status : undefined;
    const killedBy = killed ?? signalNames.get(status - 128);
    const result = { code, signal: killedBy, stopped, left: stopped === undefined ? left : 0, ms: clock.monotonic() - begun };
    ending = result;
    tell();
    return result;
  };
  const ended = end();

  const stopAll = async (): Promise<Ending> => {
    signal(-pid, "SIGTERM");
    await within(settings.killMs, child.exited);
    // All but the supervisor, which then reaps what it waits for; the whole group when that was not enough.
    if (isRunning()) await killMembers(pid, mark);
    if (isRunning()) await within(settings.killMs, child.exited);
    if (isRunning()) signal(-pid, "SIGKILL");
    return ended;
  };

  function stop(why: string): Promise<Ending> {
    if (ending) return ended;
    stopped ??= why;
    stopping ??= stopAll();
    return stopping;
  }

  return {
    text,
    mark,
    output,
    startedAt,
    ended,
    stop,
    ending: () => ending,
    runningMs: () => ending?.ms ?? clock.monotonic() - begun,
    changed: () => (ending ? Promise.resolve() : wake.promise),
    async write(said, end) {
      const sink = child.stdin;
      if (!sink || ending) return false;
      try {
        sink.write(said);
        await sink.flush();
        if (end) await sink.end();
        return true;
      } catch {
        return false; // silent-ok: the answer says that the input is closed
      }
    },
  };
}
