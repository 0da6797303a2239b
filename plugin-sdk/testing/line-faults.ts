/**
 * Stands between a plugin and servers that are spoken to in lines over TCP, such as IRC's or those of mail, and lets go wrong what goes wrong on a
 * network. It knows no protocol: a line that the plugin sends is a request, and what the server says next is its answer,
 * of which `cut` shows half a line.
 */
import { connect, createServer, type Socket } from "node:net";
import type { Fault, FaultName, Faults, Network, Which } from "./faults.ts";

/** `afterBytes`: the connection breaks behind that many bytes of the answer; `beforeLine`: before the first line of it that has this in it. */
export type LineFault = Fault | { readonly afterBytes: number } | { readonly beforeLine: string };

/** What the server would say to a line that it refuses, whole and with the ends of its lines, by how. */
export type Refusals = Partial<Record<"rate-limited" | "unavailable" | "rejected", (line: string) => string>>;

/** Longest line that is waited for to be whole; what is longer is no line, and goes through. */
const MOST_LINE_BYTES = 64 * 1024;
const NEWLINE = 10;
const always: readonly FaultName[] = ["refused", "lost", "cut"];

/** What becomes of bytes of the server's. `isOver`: the connection breaks behind them. */
interface Shown {
  readonly bytes: Buffer;
  readonly isOver: boolean;
}
type Answer = (bytes: Buffer) => Shown;

function behind(bytesLeft: number): Answer {
  let left = bytesLeft;
  return (bytes) => {
    const shown = bytes.subarray(0, left);
    left -= shown.length;
    return { bytes: shown, isOver: left === 0 };
  };
}

function before(word: string): Answer {
  let unshown: Buffer = Buffer.alloc(0);
  return (bytes) => {
    const all = Buffer.concat([unshown, bytes]);
    const at = all.indexOf(word);
    if (at >= 0) return { bytes: all.subarray(0, all.lastIndexOf(NEWLINE, at) + 1), isOver: true };
    const whole = all.lastIndexOf(NEWLINE) + 1;
    unshown = all.subarray(whole);
    return { bytes: all.subarray(0, whole), isOver: false };
  };
}

function answerUnder(fault: LineFault): Answer | undefined {
  if (fault === "lost") return () => ({ bytes: Buffer.alloc(0), isOver: true });
  if (fault === "cut")
    return (bytes) => ({ bytes: bytes.subarray(0, Math.floor((bytes.indexOf(NEWLINE) + 1 || bytes.length) / 2)), isOver: true });
  if (typeof fault === "string") return undefined;
  if ("afterBytes" in fault) return behind(fault.afterBytes);
  return "beforeLine" in fault ? before(fault.beforeLine) : undefined;
}

/** `address`: host and port, or several with commas between them; the plugin's is of the same form. */
export async function startLineFaults(address: string, refusals: Refusals = {}): Promise<Faults<LineFault>> {
  const heard: string[] = [];
  const planned: { readonly which: Which; readonly fault: LineFault }[] = [];
  const open = new Set<() => void>();
  let isConnected = true;
  const isMeant = ({ line = "" }: Which, said: string): boolean => said.includes(line);

  function serve(near: Socket, host: string, port: number): void {
    if (!isConnected) return void near.destroy();
    const far = connect({ host, port });
    let [isBroken, isGone] = [false, false];
    let answer: Answer | undefined;
    let shown: Promise<unknown> = Promise.resolve();
    let said: Promise<unknown> = Promise.resolve();

    // The server's side ends with what it was given, so that what was handed on is done.
    const end = (): void => {
      isBroken = true;
      open.delete(end);
      near.destroy();
      far.end();
    };
    open.add(end);

    async function say(whole: Buffer): Promise<void> {
      const line = whole.toString("utf8").replace(/\r?\n$/, "");
      heard.push(line);
      const index = planned.findIndex(({ which }) => isMeant(which, line));
      const fault = index < 0 ? undefined : planned.splice(index, 1)[0]!.fault;
      if (fault === "refused") return end();
      const refusal = typeof fault === "string" ? refusals[fault as keyof Refusals] : undefined;
      if (refusal) return void near.write(refusal(line));
      if (typeof fault === "object" && "kept" in fault) {
        await fault.kept;
        if (isGone) return;
      }
      if (typeof fault === "object" && "held" in fault) shown = shown.then(() => fault.held);
      if (fault !== undefined) answer = answerUnder(fault);
      far.write(whole);
    }

    let unread: Buffer = Buffer.alloc(0);
    near.on("data", (bytes: Buffer) => {
      unread = Buffer.concat([unread, bytes]);
      for (let at = unread.indexOf(NEWLINE); at >= 0 || unread.length > MOST_LINE_BYTES; at = unread.indexOf(NEWLINE)) {
        const length = at < 0 ? unread.length : at + 1;
        const whole = unread.subarray(0, length);
        unread = unread.subarray(length);
        said = said.then(() => (isBroken ? undefined : say(whole)));
      }
    });
    far.on("data", (bytes: Buffer) => {
      shown = shown.then(() => {
        if (isBroken) return;
        const { bytes: passed, isOver } = answer?.(bytes) ?? { bytes, isOver: false };
        if (!isOver) return void near.write(passed);
        isBroken = true;
        near.write(passed, end);
      });
    });
    near.on("close", () => {
      isGone = true;
      void said.then(end);
    });
    far.on("close", () => void shown.then(() => near.end()));
    // Whoever is left is told by the end of the connection.
    near.on("error", end);
    far.on("error", end);
  }

  const servers = await Promise.all(
    address.split(",").map(async (each) => {
      const colon = each.lastIndexOf(":");
      const server = createServer((near) => serve(near, each.slice(0, colon), Number(each.slice(colon + 1))));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const portOf = (server: (typeof servers)[number]): number => {
    const where = server.address();
    return typeof where === "object" && where !== null ? where.port : 0;
  };
  const breakAll = () => {
    for (const end of [...open]) end();
  };

  return {
    url: servers.map((server) => `127.0.0.1:${portOf(server)}`).join(","),
    asked: (which = {}) => heard.filter((line) => isMeant(which, line)).length,
    next(which, ...faults) {
      for (const fault of faults) {
        if (typeof fault === "string" && !faultsOf(refusals).includes(fault)) throw new Error(`this network has no fault "${fault}"`);
        planned.push({ which, fault });
      }
    },
    clear: () => void planned.splice(0),
    disconnect() {
      isConnected = false;
      breakAll();
    },
    connect() {
      isConnected = true;
    },
    async [Symbol.asyncDispose]() {
      isConnected = false;
      breakAll();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

const faultsOf = (refusals: Refusals): readonly FaultName[] => [...always, ...(Object.keys(refusals) as (keyof Refusals)[])];

/** A network of lines for the suite of channels. */
export const lineNetwork = (refusals: Refusals = {}): Network => ({
  faults: faultsOf(refusals),
  start: (address) => startLineFaults(address, refusals),
});
