/** Stands for a gateway, in a process of its own so that it may run as anybody: confines a child, and says what the child said. */
import { adopt } from "@pincer/plugin-sdk/runtime/connection";
import { frameSocket } from "@pincer/plugin-sdk/runtime/frames";
import { Peer, type Served } from "@pincer/plugin-sdk/runtime/peer";
import { connectionFd } from "@pincer/plugin-sdk/runtime/process-protocol";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { servesNothing } from "@pincer/plugin-sdk/testing/peers";
import { createEgress } from "../../plugin-host/sandbox/egress.ts";
import { findConfinement } from "../../plugin-host/sandbox/find.ts";
import { admission } from "../../plugin-host/sandbox/rules.ts";
import type { Target } from "./attempt.ts";
import type { Orders } from "./child.ts";
import { makeHost } from "./host.ts";
import { type Network, startInternet } from "./internet.ts";

export interface LauncherOrders {
  /** The bundle of `child.ts`. */
  readonly child: string;
  readonly attempts: Orders["attempts"];
  /** Which of them are tried without confinement too. */
  readonly outside: readonly string[];
  readonly network: Network;
  /** Programs that it may run. */
  readonly exec: readonly string[];
}
interface Came {
  readonly name: string;
  readonly came: string;
}
export interface LauncherReport {
  readonly inside: readonly Came[];
  readonly outside: readonly Came[];
  /** What the child said that is no report, and how it ended. */
  readonly noise: string;
  /** Every name that was looked up for the child, and every address that was dialled. */
  readonly resolved: readonly string[];
  readonly dialled: readonly string[];
}

async function hear(
  command: readonly string[],
  { served, ...options }: { env: Record<string, string>; cwd: string; served: Served },
): Promise<{ came: Came[]; noise: string }> {
  const child = Bun.spawn([...command], { ...options, stdio: ["ignore", "pipe", "pipe", "pipe"] });
  const peer = new Peer({ clock: createManualClock(), served, abortMs: 1_000, tellsFaults: false });
  await adopt({ fd: child.stdio[connectionFd] as number, socket: frameSocket(peer, { onEnd: () => undefined }) });
  const [said, complaint] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const code = await child.exited;
  const lines = said.split("\n");
  const came = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Came);
  const noise = [...lines.filter((line) => line !== "" && !line.startsWith("{")), complaint, code === 0 ? "" : `ended with ${code}`];
  return { came, noise: noise.filter(Boolean).join("\n") };
}

const { child, attempts, outside, network, exec } = JSON.parse(process.argv.at(-1)!) as LauncherOrders;
await using host = await makeHost();
await using internet = startInternet(network, host.outside.port);
const found = await findConfinement();
if ("missing" in found) throw new Error(`${found.missing}: ${found.mend}`);
const net = internet.rules;
const { command, env, data } = await found.confine({ ...host.confinement, entry: child, net, exec });
using egress = createEgress({
  admits: admission(net, { own: () => [] }),
  clock: createManualClock(),
  limits: { connections: 64, connectMs: 10_000 },
  resolve: internet.resolve,
  dialled: internet.dialled,
  told: () => undefined,
});
const target: Target = { ...host.outside, data };
const order = (host: Target, net: readonly string[], names?: readonly string[]) =>
  JSON.stringify({ attempts: names ? attempts.filter(({ name }) => names.includes(name)) : attempts, host, net } satisfies Orders);
const confined = await hear([...command, order(target, net)], {
  env: { ...env },
  cwd: target.hostData,
  served: net.length > 0 ? egress : servesNothing,
});
const [resolved, dialled] = [[...internet.resolved], [...internet.dials]];
const free =
  outside.length === 0
    ? { came: [], noise: "" }
    : await hear([process.execPath, child, order(host.outside, [], outside)], {
        env: { GATEWAY_TOKEN: host.outside.secret, PATH: "/usr/bin:/bin" },
        cwd: host.outside.hostData,
        served: servesNothing,
      });
const report: LauncherReport = { inside: confined.came, outside: free.came, noise: confined.noise + free.noise, resolved, dialled };
console.log(JSON.stringify(report));
