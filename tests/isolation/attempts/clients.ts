/** Clients of every kind, as they are: what comes of each when what it wants is declared. The servers are those of `internet.ts`. */
import type { Attempt } from "../attempt.ts";

const client = (name: string, run: Attempt["run"], inside: RegExp): Attempt => ({
  name,
  run,
  inside,
  outside: { untried: "tests reach nothing but this machine" },
});

export const clients: readonly Attempt[] = [
  client("fetch", async () => (await fetch("http://web.example.com/path?q=1")).text(), /^value: "GET web.example.com \/path\?q=1 "/),
  client(
    "fetch over TLS",
    async () => (await fetch("https://web.example.com/", { tls: { rejectUnauthorized: false } })).text(),
    /^value: "GET web.example.com \/ "/,
  ),
  client(
    "fetch with a body",
    async () => (await (await fetch("http://web.example.com/", { method: "POST", body: "x".repeat(3_000_000) })).text()).length,
    /^value: 30000\d\d/,
  ),
  client(
    "fetch, many at once",
    async () => {
      const texts = await Promise.all(Array.from({ length: 40 }, async (_, n) => (await fetch(`http://web.example.com/${n}`)).text()));
      return texts.every((text, n) => text === `GET web.example.com /${n} `);
    },
    /^value: true/,
  ),
  client("node:http", ({ http, body }) => body((done) => http.get("http://web.example.com/", done)), /^value: "GET web.example.com \/ "/),
  client(
    "node:https",
    ({ https, body }) => body((done) => https.get("https://web.example.com/", { rejectUnauthorized: false }, done)),
    /^value: "GET web.example.com \/ "/,
  ),
  client("WebSocket", ({ talk }) => talk(new WebSocket("ws://web.example.com/socket"), "hello"), /^value: "you said hello"/),
  client(
    "WebSocket over TLS",
    ({ talk }) => talk(new WebSocket("wss://web.example.com/socket", { tls: { rejectUnauthorized: false } } as never), "hello"),
    /^value: "you said hello"/,
  ),
  client("a protocol whose client speaks first (IRC)", ({ hear }) => hear(6667, "irc.example.com", "NICK me\r\n"), /^value: "NICK ME/),
  client(
    "a name with a region in its middle, and the address at which a machine is told who it is",
    async ({ hear }) => [await hear(6667, "irc.eu-1.example.net", "one"), await hear(6667, "169.254.169.254", "two")],
    /^value: \["ONE","TWO"\]/,
  ),
  client("a protocol whose server speaks first (SMTP)", ({ hear }) => hear(25, "mail.example.com"), /^value: "220 mail/),
  client(
    "a protocol over TLS (IMAP), with the far side's own certificate",
    ({ tls }) =>
      new Promise((resolve, reject) => {
        const socket = tls.connect({ host: "mail.example.com", port: 993, rejectUnauthorized: false });
        socket.on("error", reject);
        socket.on("data", (chunk) => {
          resolve([String(chunk), socket.getPeerCertificate().subject.CN]);
          socket.destroy();
        });
      }),
    /^value: \["\* OK ready","localhost"\]/,
  ),
  client(
    "TLS on a connection that began without (SMTP)",
    ({ net, tls }) =>
      new Promise((resolve, reject) => {
        const plain = net.connect(587, "mail.example.com");
        plain.on("error", reject);
        plain.once("data", () => {
          plain.write("STARTTLS\r\n");
          plain.once("data", () => {
            const secure = tls.connect({ socket: plain, rejectUnauthorized: false }, () => secure.write("hello"));
            secure.on("error", reject);
            secure.on("data", (chunk) => {
              resolve(String(chunk));
              secure.destroy();
            });
          });
        });
      }),
    /^value: "secure hello"/,
  ),
  client(
    "Bun.connect",
    () =>
      new Promise((resolve, reject) => {
        const socket = {
          open: (socket: { write(text: string): void }) => socket.write("hello"),
          data(socket: { end(): void }, chunk: Buffer) {
            resolve(chunk.toString());
            socket.end();
          },
        };
        Bun.connect({ hostname: "irc.example.com", port: 6667, socket }).catch(reject);
      }),
    /^value: "HELLO"/,
  ),
  client(
    "a client that ends first and then listens",
    ({ net }) =>
      new Promise((resolve, reject) => {
        let heard = "";
        const socket = net.connect({ port: 7000, host: "late.example.com", allowHalfOpen: true }, () => socket.end("all of it"));
        socket.on("error", reject);
        socket.on("data", (chunk) => {
          heard += chunk;
        });
        socket.on("end", () => resolve(heard));
      }),
    /^value: "after the end: all of it"/,
  ),
  client(
    "a client that sends much and takes it all back",
    ({ net }) =>
      new Promise((resolve, reject) => {
        const total = 8 << 20;
        let received = 0;
        const socket = net.connect(6667, "irc.example.com", () => socket.write(Buffer.alloc(total, "a")));
        socket.on("error", reject);
        socket.on("data", (chunk) => {
          received += chunk.length;
          if (received < total) return;
          resolve(received);
          socket.destroy();
        });
      }),
    /^value: 8388608/,
  ),
  client("dns.lookup", async ({ dns }) => (await dns.lookup("web.example.com")).family, /^value: 4/),
  client("dns.resolve4", async ({ dns }) => (await dns.resolve4("web.example.com")).length, /^value: 1/),
  client("dns.resolve6, which answers with nothing", ({ dns }) => dns.resolve6("web.example.com"), /^error: \w*(ENODATA|ENOTFOUND)/),
  client("Bun.dns", async () => (await Bun.dns.lookup("web.example.com"))[0]?.family, /^value: 4/),
  client(
    "addresses in place of names",
    async ({ hear }) => [await hear(6667, "93.184.216.50", "one"), await hear(6667, "2606:4700::50", "two")],
    /^value: \["ONE","TWO"\]/,
  ),
  client(
    "a server of the gateway's own machine, by each of its names",
    async ({ hear, host }) =>
      (await Promise.all(["127.0.0.1", "localhost", "::1"].map((address) => hear(host.port, address)))).map((said) => said.slice(-3)),
    /^value: \["ret","ret","ret"\]/,
  ),
  client("a name below a wildcard, in capitals", ({ hear }) => hear(6667, "A.b.CHAT.example.com", "hello"), /^value: "HELLO"/),
  client(
    "a program that it may run",
    ({ process }) =>
      new Promise((resolve) =>
        process.execFile(
          "bash",
          ["-c", "exec 3<>/dev/tcp/irc.example.com/6667; echo hello >&3; read -r line <&3; echo $line"],
          (error, said) => resolve(error?.message ?? said),
        ),
      ),
    /^value: "HELLO\\n"/,
  ),
  client(
    "a server of its own beside all that",
    async () => {
      using server = Bun.serve({ port: 0, fetch: () => new Response("mine") });
      return (await fetch(server.url)).text();
    },
    /^value: "mine"/,
  ),
];
