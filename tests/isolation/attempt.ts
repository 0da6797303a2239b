/** One thing that a hostile plugin tries, and what must come of it. */
import type { Native } from "./child.ts";

/** What stands around a confined child: made by `host.ts`, told to the child so that it knows what to go for. */
export interface Target {
  /** The gateway's home, and files in it that no plugin may see. All of them, and the environment of the process `pid`, hold `secret`. */
  readonly home: string;
  readonly config: string;
  readonly key: string;
  readonly others: string;
  readonly secret: string;
  /** The gateway. */
  readonly pid: number;
  /** Listens on the gateway's loopback and on all of its addresses, and says the secret to whoever comes. */
  readonly port: number;
  readonly udpPort: number;
  readonly addresses: readonly string[];
  readonly abstract: string;
  readonly socket: string;
  /** Others, in the folders that it may read and write. */
  readonly readableSocket: string;
  readonly writableSocket: string;
  /** A folder whose reading, and another whose writing is permitted. */
  readonly readable: string;
  readonly writable: string;
  /** The plugin's own folder as it sees it, and as the gateway does. */
  readonly data: string;
  readonly hostData: string;
  /** What confines it. */
  readonly hostRun: string;
  readonly bun: string;
  readonly gatewayUid: number;
  /** Of the machine, and of what every program needs: they can be run, and copied. */
  readonly loader: string;
  readonly libc: string;
  readonly libm: string;
  readonly shell: string;
}

/** What an attempt may use; it travels as text, and knows nothing else. */
export interface Tools {
  readonly fs: typeof import("node:fs");
  readonly os: typeof import("node:os");
  readonly net: typeof import("node:net");
  readonly tls: typeof import("node:tls");
  readonly http: typeof import("node:http");
  readonly https: typeof import("node:https");
  readonly dns: typeof import("node:dns/promises");
  readonly dgram: typeof import("node:dgram");
  readonly process: typeof import("node:child_process");
  readonly host: Target;
  /** The C library. */
  readonly c: Native;
  /** A system call by its name: what the kernel answers, errors below zero. */
  call(...name: readonly Given[]): number;
  /** Names of those that nobody may use. */
  readonly refused: readonly string[];
  /** Everything that a program says when it is run, and how it ended. */
  sh(...command: readonly string[]): string;
  /** What a TCP connection says first; rejects when it says nothing. */
  hear(port: number, address: string, say?: string): Promise<string>;
  hearPath(path: string): Promise<string>;
  /** What a request of node's is answered with. */
  body(get: (done: (response: import("node:http").IncomingMessage) => void) => import("node:http").ClientRequest): Promise<string>;
  /** What a WebSocket answers to one message. */
  talk(socket: WebSocket, say: string): Promise<string>;
  /** What it asks of the gateway by hand: a connection. */
  ask(target: string): Promise<string>;
}

export type Given = string | number;

export interface Attempt {
  readonly name: string;
  readonly run: (tools: Tools, ...given: readonly Given[]) => unknown;
  readonly given?: readonly Given[];
  /** What comes of it under confinement: `value: <JSON>`, or `error: <code> <message>`. */
  readonly inside: RegExp;
  /** What comes of the same without any, to show that it would; or why that is not tried. */
  readonly outside: RegExp | { readonly untried: string };
}
