/** `pincer gateway`: the gateway in this process, for service managers, and for `pincer up` in the background. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createGateway, type Gateway } from "../gateway.ts";
import kernel from "../package.json" with { type: "json" };
import type { Invocation } from "./command.ts";
import { isCopy, isPackage, makeHome, processStart, repository, runningPrefix, writeFirstConfig, writeState } from "./home.ts";
import { logLine } from "./terminal.ts";

/** Tells systemd, when it asked for it. Its own tool does so, since a datagram cannot be sent to a unix socket from here. */
function notify(state: "READY=1" | "STOPPING=1"): void {
  if (process.env["NOTIFY_SOCKET"] && Bun.which("systemd-notify"))
    Bun.spawn(["systemd-notify", state], { stdio: ["ignore", "ignore", "ignore"] }).unref();
}

export async function gateway({ flags, home, terminal }: Invocation): Promise<number> {
  const isManaged = flags["managed"] === true;
  makeHome(home);
  writeFirstConfig(home);
  // From the first moment on: a signal that nobody listens to would end the process in the middle of its start.
  const asked = Promise.withResolvers<string>();
  let running: Gateway | undefined;
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => asked.resolve(signal));
  process.on("SIGHUP", () => void running?.config.reload());

  const bundle = (isPackage || flags["dev"] !== true) && existsSync(join(import.meta.dir, "plugins.json")) && import.meta.dir;
  const mark = bundle && (!isPackage || isCopy) && join(bundle, `${runningPrefix}${process.pid}`);
  if (mark) writeFileSync(mark, "");
  running = await createGateway({
    home: home.path,
    env: process.env,
    folders: [{ path: join(repository, "plugins"), layout: "source" }],
    ...(bundle && { bundle }),
    dev: flags["dev"] === true,
    ...(!isManaged && { print: (line) => terminal.print(terminal.isInteractive ? logLine(line) : JSON.stringify(line)) }),
  });
  // A mistake that no call can be blamed for, a plugin's forgotten promise for example, is said, and takes nobody else down.
  const { log } = running;
  const fault = (error: unknown) => log.error("process.fault", { error: errorMessage(error), stack: (error as Error)?.stack });
  process.on("unhandledRejection", fault);
  process.on("uncaughtException", fault);
  let reason = "it could not start";
  try {
    const { url } = await running.start();
    const who = { pid: process.pid, processStart: processStart(process.pid) ?? "", version: kernel.version };
    const state = { ...who, url, startedAt: systemClock.now(), managed: isManaged };
    using _state = writeState(home, state);
    notify("READY=1");
    if (!isManaged && terminal.isInteractive) terminal.print(`\n  Open ${await running.loginLink()}\n  Ctrl-C stops.\n`);
    reason = await asked.promise;
    notify("STOPPING=1");
  } finally {
    await running.stop(reason);
    if (mark) rmSync(mark, { force: true });
  }
  return EXIT.done;
}
