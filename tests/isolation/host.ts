/** The machine around a confined child: a gateway's home with secrets in it, what listens beside it, and folders that were permitted. */
import { existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Confinement } from "../../plugin-host/sandbox/confinement.ts";
import type { Target } from "./attempt.ts";

interface Host extends AsyncDisposable {
  /** Of a child under confinement, but for what is said otherwise there. */
  readonly outside: Target;
  readonly confinement: Omit<Confinement, "entry" | "net">;
}

export const SECRET = "the-secret";
const LIBRARIES = ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64"];
const LOADERS = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
const firstOf = (paths: readonly string[]) => paths.find((path) => existsSync(path)) ?? "";

/** A process like a gateway calls this: its own environment must hold the secret. */
export async function makeHost(): Promise<Host> {
  // Not below /tmp, of which a plugin has one of its own.
  const base = mkdtempSync("/var/tmp/isolation-");
  const folder = (...path: readonly string[]) => {
    const made = join(base, ...path);
    mkdirSync(made, { recursive: true, mode: 0o700 });
    return made;
  };
  const file = (path: string, text: string) => {
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const readable = folder("readable");
  const writable = folder("writable");
  // Inside a folder that was permitted, as a gateway's home is inside its owner's.
  const home = folder("readable", "home");
  const data = folder("readable", "home", "data", "mine");
  const run = folder("run");
  const config = file(join(home, "config.json5"), SECRET);
  const key = file(join(home, "key"), SECRET);
  const others = file(join(folder("readable", "home", "data", "other"), "notes"), SECRET);
  file(join(readable, "note"), "a note");
  file(join(data, "planted.js"), 'globalThis.planted = "planted"');
  file(join(data, "bunfig.toml"), 'preload = ["./planted.js"]');
  file(join(data, ".env"), "PLANTED=planted");
  // Left open, as a gateway leaves its store.
  openSync(key, "r+");

  const answer = `HTTP/1.1 200 OK\r\ncontent-length: ${SECRET.length}\r\n\r\n${SECRET}`;
  const greeting = { open: (socket: { write(text: string): unknown }) => void socket.write(answer), data: () => undefined };
  const abstract = `\0isolation-${process.pid}`;
  const socket = join(base, "docker.sock");
  const everywhere = Bun.listen({ hostname: "::", port: 0, socket: greeting });
  const readableSocket = join(readable, "service.sock");
  const writableSocket = join(writable, "service.sock");
  const sockets = [abstract, socket, readableSocket, writableSocket];
  const listeners = [everywhere, ...sockets.map((unix) => Bun.listen({ unix, socket: greeting }))];
  const udp = await Bun.udpSocket({
    hostname: "127.0.0.1",
    socket: { data: (from, _, port, address) => void from.send(SECRET, port, address) },
  });

  return {
    outside: {
      home,
      config,
      key,
      others,
      secret: SECRET,
      pid: process.pid,
      port: everywhere.port,
      udpPort: udp.port,
      addresses: Object.values(networkInterfaces()).flatMap((each) =>
        (each ?? []).filter(({ internal, family }) => !internal && family === "IPv4").map(({ address }) => address),
      ),
      abstract,
      socket,
      readableSocket,
      writableSocket,
      readable,
      writable,
      data,
      hostData: data,
      hostRun: run,
      bun: process.execPath,
      gatewayUid: process.getuid?.() ?? 0,
      loader: firstOf(LOADERS),
      libc: firstOf(LIBRARIES.map((path) => `${path}/libc.so.6`)),
      libm: firstOf(LIBRARIES.map((path) => `${path}/libm.so.6`)),
      shell: "/bin/sh",
    },
    confinement: {
      plugin: "hostile",
      bun: process.execPath,
      run,
      data,
      read: [readable],
      write: [writable],
      exec: [],
      sockets: [],
      hidden: [home],
      limits: { memoryMb: 256, openFiles: 256, processes: 8 },
    },
    async [Symbol.asyncDispose]() {
      for (const listener of listeners) listener.stop(true);
      udp.close();
      rmSync(base, { recursive: true, force: true });
    },
  };
}
