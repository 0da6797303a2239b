/** Runs inside and outside of a confinement: tries what it is given, one after the other, and says what came of each. */

import { CString, dlopen, FFIType, type Pointer, ptr as pointerTo, read } from "bun:ffi";
import * as child_process from "node:child_process";
import * as dgram from "node:dgram";
import * as dns from "node:dns/promises";
import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import * as os from "node:os";
import * as tls from "node:tls";
import { startBridge } from "@pincer/plugin-sdk/runtime/bridge";
import { adopt } from "@pincer/plugin-sdk/runtime/connection";
import { frameSocket } from "@pincer/plugin-sdk/runtime/frames";
import { Peer } from "@pincer/plugin-sdk/runtime/peer";
import { connectionFd } from "@pincer/plugin-sdk/runtime/process-protocol";
import { WaysOut } from "@pincer/plugin-sdk/runtime/ways-out";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { servesNothing } from "@pincer/plugin-sdk/testing/peers";
import { judged, type Numbers, refused } from "../../plugin-host/sandbox/syscalls.ts";
import type { Given, Target, Tools } from "./attempt.ts";

export interface Orders {
  readonly attempts: readonly { readonly name: string; readonly run: string; readonly given: readonly Given[] }[];
  readonly host: Target;
  readonly net: readonly string[];
}

const { i32, i64, ptr, cstring } = FFIType;
const library = process.platform === "darwin" ? "libSystem.dylib" : "libc.so.6";
const { symbols } = dlopen(library, {
  syscall: { args: [i64, i64, i64, i64, i64, i64, i64], returns: i64 },
  getenv: { args: [cstring], returns: ptr },
  fork: { args: [], returns: i32 },
  __errno_location: { args: [], returns: ptr },
});

const numbers: Readonly<Record<string, Numbers>> = { ...refused, ...judged, connect: [42, 203] };
const numberOf = (name: string) => numbers[name]?.[process.arch === "x64" ? 0 : 1];

function call(name: string, ...args: readonly Given[]): number {
  const kept = args.map((arg) => (typeof arg === "string" ? Buffer.from(`${arg}\0`) : arg));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = kept.map((arg) => (typeof arg === "number" ? arg : pointerTo(arg)));
  const result = Number(symbols.syscall(numberOf(name) ?? -1, a, b, c, d, e, f));
  return result === -1 ? -read.i32(symbols.__errno_location() as Pointer) : result;
}

const native = {
  getenv: (name: string): string | null => {
    const found = symbols.getenv(Buffer.from(`${name}\0`) as unknown as string);
    return found === null ? null : String(new CString(found as Pointer));
  },
  fork: (): number => symbols.fork(),
  open: dlopen,
};
export type Native = typeof native;

/** Long enough on a machine that is busy; nothing that is refused takes as long. */
const patience = 30_000;

const hear = (socket: net.Socket, say?: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let heard = "";
    socket.on("connect", () => say !== undefined && socket.write(say));
    socket.on("data", (chunk) => {
      heard += chunk;
      socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => (heard ? resolve(heard) : reject(Object.assign(new Error("it was closed"), { code: "CLOSED" }))));
  });

function tools(host: Target): Tools {
  return {
    fs,
    os,
    net,
    tls,
    http,
    https,
    dns,
    dgram,
    process: child_process,
    host,
    c: native,
    call: (name, ...args) => call(String(name), ...args),
    refused: Object.keys(refused).filter((name) => numberOf(name) !== undefined),
    sh(command, ...args) {
      const { error, status, signal, stdout, stderr } = child_process.spawnSync(command!, args, { encoding: "utf8", timeout: patience });
      if (error) throw error;
      return `${status ?? signal} ${stdout}${stderr}`;
    },
    hear: (port, host, say) => hear(net.connect({ port, host }), say),
    hearPath: (path) => hear(net.connect({ path })),
    body: (get) =>
      new Promise((resolve, reject) => {
        get((response) => {
          let heard = "";
          response.on("data", (chunk) => {
            heard += chunk;
          });
          response.on("end", () => resolve(heard));
        }).on("error", reject);
      }),
    talk: (socket, say) =>
      new Promise((resolve, reject) => {
        socket.onopen = () => socket.send(say);
        socket.onmessage = ({ data }) => {
          resolve(String(data));
          socket.close();
        };
        socket.onerror = () => reject(new Error("it failed"));
      }),
    async ask(target) {
      const items = peer.stream("egress", { target }, { signal: new AbortController().signal });
      const { value } = await items.next();
      await items.return(undefined);
      return Object.keys(value as object).join();
    },
  };
}

async function outcome(source: string, given: readonly Given[], tools: Tools): Promise<string> {
  const late = AbortSignal.timeout(patience);
  try {
    const run = new Function("tools", "given", `return (${source})(tools, ...given)`) as (...all: [Tools, readonly Given[]]) => unknown;
    const value = await Promise.race([
      Promise.resolve().then(() => run(tools, given)),
      new Promise((_, reject) => late.addEventListener("abort", () => reject(Object.assign(new Error("nothing came"), { code: "LATE" })))),
    ]);
    return `value: ${value === undefined ? "nothing" : JSON.stringify(value)}`;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return `error: ${code ?? ""} ${message}`;
  }
}

const orders = JSON.parse(process.argv.at(-1)!) as Orders;
const peer = new Peer({ clock: systemClock, served: servesNothing, abortMs: patience, tellsFaults: true });
await adopt({ fd: connectionFd, socket: frameSocket(peer, { onEnd: () => undefined }) });
if (orders.net.length > 0) await startBridge({ net: orders.net }, peer, new WaysOut());
for (const { name, run, given } of orders.attempts) {
  const came = (await outcome(run, given, tools(orders.host))).slice(0, 600);
  fs.writeSync(1, `${JSON.stringify({ name, came })}\n`);
}
process.exit(0);
