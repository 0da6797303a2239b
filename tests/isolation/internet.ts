/** What stands for the internet: names with public addresses, behind which servers of this machine's loopback answer. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { certificate, key } from "../support/self-signed.ts";

/** Name -> where it leads, each time that it is asked; the last again. */
const NAMES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "api.example.com": [["93.184.216.34"]],
  "moving.example.com": [["93.184.216.34"], ["10.0.0.9"]],
  "both.wild.example": [["93.184.216.34", "10.0.0.1"]],
  "door.example.com": [["93.184.216.37"]],
  "web.example.com": [["93.184.216.40"]],
  "mail.example.com": [["93.184.216.41"]],
  "late.example.com": [["93.184.216.42"]],
  "irc.example.com": [["93.184.216.50"]],
  "a.b.chat.example.com": [["93.184.216.50"]],
  "irc.eu-1.example.net": [["93.184.216.50"]],
};

export type Network = "none" | "little" | "much";
const rulesOf = (network: Network, gatewayPort: number): readonly string[] =>
  ({
    none: [],
    little: ["api.example.com:443", "*.wild.example:80", "*.wild.example:443", "moving.example.com:443", "door.example.com:80"],
    much: [
      ...["web.example.com:80", "web.example.com:443", "mail.example.com:25", "mail.example.com:587", "mail.example.com:993"],
      ...["late.example.com:7000", "irc.example.com:6667", "*.chat.example.com:6667", "93.184.216.50:6667", "[2606:4700::50]:6667"],
      ...["irc.*.example.net:6667", "169.254.169.254:6667"],
      `localhost:${gatewayPort}`,
    ],
  })[network];

const quietly = (serve: (socket: Socket) => void) => (socket: Socket) => {
  socket.on("error", () => undefined);
  serve(socket);
};
const shout = (socket: Socket) => void socket.on("data", (chunk) => socket.write(String(chunk).toUpperCase()));

/** Once the client has said everything. */
function answerLate(socket: Socket): void {
  let said = "";
  socket.on("data", (chunk) => {
    said += chunk;
  });
  socket.on("end", () => socket.end(`after the end: ${said}`));
}

/** Greets, and goes on under TLS when it is asked to. */
function greet(socket: Socket): void {
  socket.write("220 mail.example.com\r\n");
  socket.once("data", () => {
    socket.write("220 go ahead\r\n");
    const secure = new TLSSocket(socket, { isServer: true, key, cert: certificate });
    secure.on("error", () => undefined);
    secure.on("data", (chunk) => secure.write(`secure ${chunk}`));
  });
}

export function startInternet(network: Network, gatewayPort: number) {
  const asked = new Map<string, number>();
  const resolved: string[] = [];
  const dials: string[] = [];
  const shouting = createServer(quietly(shout));
  const late = createServer({ allowHalfOpen: true }, quietly(answerLate));
  const mail = createServer(quietly(greet));
  const imap = createTlsServer({ key, cert: certificate }, (socket) => {
    socket.on("error", () => undefined);
    socket.write("* OK ready");
  });
  const servers: readonly Server[] = [shouting, late, mail, imap].map((server) => server.listen(0, "127.0.0.1"));
  const door = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => Response.redirect(request.url.endsWith("/gateway") ? `http://127.0.0.1:${gatewayPort}/` : "http://10.0.0.1/"),
  });
  const web = (tls?: { readonly key: string; readonly cert: string }) =>
    Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      ...(tls ? { tls } : {}),
      async fetch(request, server) {
        if (server.upgrade(request)) return undefined;
        const url = new URL(request.url);
        return new Response(`${request.method} ${url.hostname} ${url.pathname}${url.search} ${await request.text()}`);
      },
      websocket: { message: (socket, said) => void socket.send(`you said ${said}`) },
    });
  const webs = [web(), web({ key, cert: certificate })];
  const portOf = (server: Server) => (server.address() as AddressInfo).port;
  /** By the address, and the port where one has several. */
  const behind = (address: string, port: number): number => {
    if (address === "93.184.216.37") return door.port!;
    if (address === "93.184.216.40") return webs[port === 80 ? 0 : 1]!.port!;
    if (address === "93.184.216.41") return portOf(port === 993 ? imap : mail);
    return portOf(address === "93.184.216.42" ? late : shouting);
  };
  return {
    rules: rulesOf(network, gatewayPort),
    resolved,
    dials,
    resolve: async (name: string): Promise<readonly string[]> => {
      resolved.push(name);
      const times = asked.get(name) ?? 0;
      asked.set(name, times + 1);
      const answers = NAMES[name] ?? [];
      return answers[Math.min(times, answers.length - 1)] ?? [];
    },
    dialled(address: string, port: number) {
      dials.push(`${address}:${port}`);
      if (address === "127.0.0.1" || address === "::1") return { hostname: address, port };
      return { hostname: "127.0.0.1", port: behind(address, port) };
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers) server.close();
      await Promise.all([door, ...webs].map((server) => server.stop(true)));
    },
  };
}
