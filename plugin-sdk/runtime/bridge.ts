/**
 * Runs first in a confined plugin's process, so that no client library has to know that it is confined: names lead to loopback addresses of
 * the process's own namespace, and what connects there is tunnelled, by name, over the connection to the gateway. It enforces nothing; the
 * gateway does. Where there are no namespaces (macOS) it only listens as a proxy on one port.
 */
import { pluginErrors } from "../plugin-errors.ts";
import { answerOf, NameTable } from "./bridge-names.ts";
import { Connection, connectionHandlers } from "./connection.ts";
import type { Peer } from "./peer.ts";
import type { BridgeSettings, EgressItem, EgressRequest } from "./process-protocol.ts";
import type { WaysOut } from "./ways-out.ts";

/** A program cannot listen on every port: of `public` these are reached, others have to be declared by name. */
const PUBLIC_PORTS = [
  21, 22, 25, 80, 110, 143, 443, 465, 587, 853, 993, 995, 3000, 5000, 5222, 5223, 6667, 6697, 8000, 8080, 8081, 8443, 8883, 9000, 9418,
];
/** A request of a proxy's client. */
const MAX_HEAD = 4_096;
const { signal: never } = new AbortController();

/** Asks the gateway for `host:port` on behalf of `client`, and joins the two when it agrees. `joined` is told before anything arrives from there. */
async function tunnel(client: Connection, peer: Peer, target: string, ways: WaysOut, joined?: () => Promise<void>): Promise<void> {
  const gone = new AbortController();
  let closed = () => ways.refused(target);
  client.onClose = () => gone.abort();
  const io = { signal: gone.signal };
  try {
    const items = peer.stream("egress", { target } satisfies EgressRequest, io) as AsyncGenerator<EgressItem, void, void>;
    const { value: first } = await items.next();
    if (!first || !("connection" in first)) throw pluginErrors.PLUGIN_PROTOCOL("expected a connection");
    const { connection } = first;
    closed = ways.joined(target);
    await joined?.();
    const up = async () => {
      for await (const bytes of client.read()) await peer.call("egress.write", { connection, bytes }, io);
      await peer.call("egress.finish", { connection }, { signal: never });
    };
    up().catch(() => client.terminate());
    for await (const item of items) if ("chunk" in item) await client.write(item.chunk);
    client.finish();
  } catch {
    client.terminate(); // silent-ok: a refusal is in the gateway's log, and here the connection breaks as one to nowhere
  } finally {
    closed();
  }
}

/** A proxy's client says itself where to. */
async function relay(client: Connection, peer: Peer, ways: WaysOut): Promise<void> {
  const arriving = client.read();
  let head = "";
  while (!head.includes("\r\n\r\n") && head.length < MAX_HEAD) {
    const { value } = await arriving.next();
    if (!value) return client.terminate();
    head += Buffer.from(value).toString("latin1");
  }
  const target = /^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(head)?.[1];
  // Whoever asks waits for the answer before it says more.
  if (target === undefined || !head.endsWith("\r\n\r\n")) return client.terminate();
  await tunnel(client, peer, target, ways, () => client.write(Buffer.from("HTTP/1.1 200 OK\r\n\r\n")));
}

function listen(hostname: string, port: number, accepted: (client: Connection) => Promise<void>): void {
  Bun.listen<Connection>({
    hostname,
    port,
    allowHalfOpen: true,
    socket: {
      ...connectionHandlers,
      open(socket) {
        socket.data = new Connection(socket);
        void accepted(socket.data);
      },
    },
  }).unref();
}

/** Every address of a version, of both where there are two. */
function listenEverywhere(port: number, accepted: (client: Connection) => Promise<void>): void {
  try {
    listen("::", port, accepted);
  } catch {
    listen("0.0.0.0", port, accepted); // a machine without IPv6
  }
}

export async function startBridge({ net, proxyPort }: BridgeSettings, peer: Peer, ways: WaysOut): Promise<void> {
  if (proxyPort !== undefined) return listen("127.0.0.1", proxyPort, (client) => relay(client, peer, ways));
  const names = new NameTable(net);
  const declared = net.filter((rule) => rule !== "public").map((rule) => Number(rule.slice(rule.lastIndexOf(":") + 1)));
  const ports = new Set([...declared, ...(net.includes("public") ? PUBLIC_PORTS : [])]);
  for (const port of ports) listenEverywhere(port, (client) => tunnel(client, peer, `${names.hostOf(client.localAddress)}:${port}`, ways));
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
