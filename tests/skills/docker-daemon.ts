/** A Docker daemon of the test's own: what the examples clean up is nobody else's. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandOf } from "@pincer/plugin-sdk/testing/needs";

interface Daemon extends AsyncDisposable {
  /** The environment in which `docker` speaks to it. */
  readonly env: Readonly<Record<string, string>>;
}

/** What keeps one from being started here, as far as it can be told beforehand. */
export function whyNoDaemon(): string | undefined {
  if (commandOf("docker") === undefined) return "apt-get install docker.io";
  if (daemonCommand() === undefined) return "there is no dockerd: apt-get install docker.io";
  return process.getuid?.() === 0 ? undefined : "only root can start a daemon of its own";
}

const daemonCommand = () => Bun.which("dockerd", { PATH: `${process.env["PATH"]}:/usr/sbin:/usr/local/sbin` }) ?? undefined;

/** Without a bridge, so that no rule of the machine's network changes and no other daemon is in the way. */
export async function startDaemon(): Promise<Daemon> {
  const folder = mkdtempSync(join(tmpdir(), "pincer-docker-"));
  const socket = join(folder, "docker.sock");
  const places = ["--data-root", "data", "--exec-root", "exec", "--pidfile", "pid"].map((word, at) => (at % 2 ? join(folder, word) : word));
  const command = [daemonCommand()!, "--host", `unix://${socket}`, "--bridge", "none", "--iptables=false", ...places];
  const path = `${process.env["PATH"]}:/usr/sbin:/sbin`;
  const daemon = Bun.spawn(command, { env: { PATH: path, HOME: folder }, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  let said = "";
  const ready = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const piece of daemon.stderr.pipeThrough(new TextDecoderStream())) {
      said += piece;
      if (said.includes("API listen on")) ready.resolve();
    }
  })();
  await Promise.race([ready.promise, daemon.exited]);
  if (daemon.exitCode !== null) throw new Error(`dockerd does not start here: ${said.trim().split("\n").at(-1)}`);
  return {
    env: { DOCKER_HOST: `unix://${socket}` },
    async [Symbol.asyncDispose]() {
      daemon.kill();
      await daemon.exited;
      await reading;
      if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
    },
  };
}
