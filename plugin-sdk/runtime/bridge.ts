/**
 * Runs first in a confined plugin's process, so that no client library has to know that it is confined: names lead to loopback addresses of
 * the process's own namespace, and what connects there is tunnelled, by name, to the gateway's egress socket. It enforces nothing; the
 * gateway does. Where there are no namespaces (macOS) it only listens as a proxy on one port.
 */
import { join } from "node:path";
import type { Socket } from "bun";
import { answerOf, NameTable } from "./bridge-names.ts";
import { PipeEnd, pipeHandlers } from "./pipe.ts";

/** What the gateway leaves in the folder of the child's sockets, as `net.json`. */
export interface BridgeSettings {
  readonly net: readonly string[];
  /** On this port of 127.0.0.1 alone, for clients that use a proxy. */
  readonly proxyPort?: number;
}

/** A program cannot listen on every port: of `public` these are reached, others have to be declared by name. */
const PUBLIC_PORTS = [
  21, 22, 25, 80, 110, 143, 443, 465, 587, 853, 993, 995, 3000, 5000, 5222, 5223, 6667, 6697, 8000, 8080, 8081, 8443, 8883, 9000, 9418,
];
/** An answer of the gateway is shorter. */
const MAX_HEAD = 1_024;

/** Asks the gateway for `host:port` on behalf of `client`, and joins the two when it agrees. */
function tunnel(client: Socket<PipeEnd>, egress: string, target: string): void {
  let head = "";
  let isJoined = false;
  const refuse = () => client.terminate();
  Bun.connect<PipeEnd>({
    unix: egress,
    allowHalfOpen: true,
    socket: {
      ...pipeHandlers,
      open(gateway) {
        gateway.data = new PipeEnd(gateway);
        gateway.write(`CONNECT ${target} HTTP/1.1\r\n\r\n`);
      },
      data(gateway, chunk) {
        if (isJoined) return gateway.data.arrived(chunk);
        const before = head.length;
        head += chunk.toString("latin1");
        const end = head.indexOf("\r\n\r\n");
        if (end < 0 && head.length < MAX_HEAD) return;
        if (end < 0 || !head.startsWith("HTTP/1.1 200 ")) {
          gateway.terminate();
          refuse();
          return;
        }
        isJoined = true;
        client.data.join(gateway.data);
        const rest = chunk.subarray(end + 4 - before);
        if (rest.length > 0) gateway.data.arrived(rest);
      },
      close(gateway) {
        if (isJoined) gateway.data.closed();
        else refuse();
      },
      error: (gateway) => gateway.terminate(),
    },
  }).catch(refuse);
}

/** The proxy's clients ask for themselves: their bytes are the gateway's. */
function relay(client: Socket<PipeEnd>, egress: string): void {
  Bun.connect<PipeEnd>({
    unix: egress,
    allowHalfOpen: true,
    socket: {
      ...pipeHandlers,
      open(gateway) {
        gateway.data = new PipeEnd(gateway);
        client.data.join(gateway.data);
      },
      error: (gateway) => gateway.terminate(),
    },
  }).catch(() => client.terminate());
}

function listen(hostname: string, port: number, accepted: (client: Socket<PipeEnd>) => void): void {
  Bun.listen<PipeEnd>({
    hostname,
    port,
    allowHalfOpen: true,
    socket: {
      ...pipeHandlers,
      open(client) {
        client.data = new PipeEnd(client);
        accepted(client);
      },
      error: (client) => client.terminate(),
    },
  }).unref();
}

/** Every address of a version, of both where there are two. */
function listenEverywhere(port: number, accepted: (client: Socket<PipeEnd>) => void): void {
  try {
    listen("::", port, accepted);
  } catch {
    listen("0.0.0.0", port, accepted); // a machine without IPv6
  }
}

/** @param run the folder of the child's sockets, as the child sees it. At once, when the plugin has no network. */
export async function startBridge(run: string): Promise<void> {
  const file = Bun.file(join(run, "net.json"));
  if (!(await file.exists())) return;
  const { net, proxyPort } = (await file.json()) as BridgeSettings;
  const egress = join(run, "egress");
  if (proxyPort !== undefined) return listen("127.0.0.1", proxyPort, (client) => relay(client, egress));
  const names = new NameTable(net);
  const declared = net.filter((rule) => rule !== "public").map((rule) => Number(rule.slice(rule.lastIndexOf(":") + 1)));
  const ports = new Set([...declared, ...(net.includes("public") ? PUBLIC_PORTS : [])]);
  for (const port of ports) listenEverywhere(port, (client) => tunnel(client, egress, `${names.hostOf(client.localAddress)}:${port}`));
  const server = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 53,
    socket: {
      data(socket, query, port, address) {
        const answer = answerOf(query, names);
        if (answer) socket.send(answer, port, address);
      },
    },
  });
  server.unref();
}
