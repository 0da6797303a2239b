/** `pincer gateway`: the gateway in this process, for service managers, and for `pincer up` in the background. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../clock.ts";
import { createGateway } from "../gateway.ts";
import kernel from "../package.json" with { type: "json" };
import type { Invocation } from "./command.ts";
import { EXIT } from "./failure.ts";
import { makeHome, processStart, repository, writeFirstConfig, writeState } from "./home.ts";
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
  const bundle = join(import.meta.dir, "plugins");
  const running = await createGateway({
    home: home.path,
    env: process.env,
    folders: [{ path: join(repository, "plugins"), layout: "source" }],
    ...(existsSync(bundle) && flags["dev"] !== true && { bundle }),
    dev: flags["dev"] === true,
    ...(!isManaged && { print: (line) => terminal.print(terminal.isInteractive ? logLine(line) : JSON.stringify(line)) }),
  });
  const stopped = Promise.withResolvers<number>();
  const { url } = await running.start().catch(async (error) => {
    await running.stop("it could not start");
    throw error;
  });
  using _state = writeState(home, {
    pid: process.pid,
    processStart: processStart(process.pid) ?? "",
    url,
    version: kernel.version,
    startedAt: systemClock.now(),
    managed: isManaged,
  });
  notify("READY=1");
  if (terminal.isInteractive) terminal.print(`\n  Open ${await running.loginLink()}\n  Ctrl-C stops.\n`);
  let isStopping = false;
  const stop = (signal: string) => {
    if (isStopping) stopped.resolve(EXIT.interrupted);
    isStopping = true;
    notify("STOPPING=1");
    running.stop(signal).then(
      () => stopped.resolve(EXIT.done),
      (error) => stopped.reject(error),
    );
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
  process.on("SIGHUP", () => void running.config.reload());
  // Awaited here, since `using` gives the state file back when this function ends.
  return await stopped.promise;
}
