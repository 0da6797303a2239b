/**
 * The way out of a confined plugin: one unix socket for each child. It admits CONNECT to what is declared, looks names up itself, dials the
 * very address that it judged, and pipes bytes that it cannot read.
 */
import { lookup } from "node:dns/promises";
import { chmodSync } from "node:fs";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { PipeEnd, pipeHandlers } from "@pincer/plugin-sdk/runtime/pipe";
import type { Socket } from "bun";
import type { Admits } from "./rules.ts";

export interface EgressEvent {
  readonly host: string;
  readonly port: number;
  readonly admitted: boolean;
  /** Of what was not admitted, or could not be reached. */
  readonly why?: string;
  /** Told once more when an admitted connection has ended. */
  readonly bytes?: { readonly sent: number; readonly received: number };
}

export interface EgressOptions {
  readonly path: string;
  readonly admits: Admits;
  readonly clock: Clock;
  readonly limits: {
    /** At a time. */
    readonly connections: number;
    /** From the first byte of a request to the connection that it asks for. */
    readonly connectMs: number;
  };
  /** The addresses of a name, by the system's resolver when absent. */
  resolve?(host: string): Promise<readonly string[]>;
  /** Where an address that was admitted is dialled: there, when absent. Tests have no internet. */
  dialled?(address: string, port: number): { readonly hostname: string; readonly port: number };
  told(event: EgressEvent): void;
}

const systemResolve = async (host: string): Promise<readonly string[]> => (await lookup(host, { all: true })).map(({ address }) => address);

const MAX_HEAD = 2_048;
/** The whole of it, so that nothing that is understood differently elsewhere gets past; header lines are read over. */
const HEAD = /^CONNECT (\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,254}):([1-9]\d{0,4}) HTTP\/1\.1\r\n(?:[!-9;-~]+:[\t -~]*\r\n)*\r\n$/;
/** Of a name with more addresses than that the rest is not tried. */
const MAX_ADDRESSES = 8;

/** Not let through, in place of not reached. */
class Refusal extends Error {}

/** One of the plugin's connections, from its first byte to its last. */
class Connection {
  readonly end: PipeEnd;
  readonly #options: EgressOptions;
  readonly #onGone: (connection: Connection) => void;
  readonly #late: Disposable;
  #head = Buffer.alloc(0);
  #isAsked = false;
  #isGone = false;
  #remote: Socket<PipeEnd> | undefined;
  #target = { host: "", port: 0 };

  constructor(
    readonly socket: Socket<Connection>,
    options: EgressOptions,
    onGone: (connection: Connection) => void,
  ) {
    this.end = new PipeEnd(socket as unknown as Socket<PipeEnd>);
    this.#options = options;
    this.#onGone = onGone;
    this.#late = options.clock.after(options.limits.connectMs, () =>
      this.#fail(new Error(this.#isAsked ? "no connection came about in time" : "nothing was asked for in time")),
    );
  }

  arrived(chunk: Buffer): void {
    if (this.#isAsked) this.end.arrived(chunk);
    else this.#read(chunk);
  }

  #read(chunk: Buffer): void {
    const before = this.#head.length;
    this.#head = Buffer.concat([this.#head, chunk.subarray(0, MAX_HEAD)]);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0 && this.#head.length < MAX_HEAD) return;
    this.#isAsked = true;
    const match = end < 0 ? null : HEAD.exec(this.#head.toString("latin1", 0, end + 4));
    if (!match) {
      this.#fail(new Refusal("expected CONNECT host:port HTTP/1.1"));
      return;
    }
    // What came behind the request already belongs to whom it asks for.
    const rest = chunk.subarray(end + 4 - before);
    if (rest.length > 0) this.end.arrived(rest);
    this.#target = { host: match[1]!.toLowerCase(), port: Number(match[2]) };
    this.#connect().catch((error) => this.#fail(error));
  }

  async #connect(): Promise<void> {
    const { admits, resolve = systemResolve } = this.#options;
    const { host, port } = this.#target;
    const admission = admits(host, port);
    if (!admission.admitted) throw new Refusal(admission.why);
    let addresses: readonly string[];
    if ("addresses" in admission) addresses = admission.addresses;
    else {
      addresses = await resolve(admission.name);
      const why = admission.refuses(addresses);
      if (why !== undefined) throw new Refusal(why);
    }
    let failure: unknown;
    for (const address of addresses.slice(0, MAX_ADDRESSES)) {
      if (this.#isGone) return;
      try {
        await this.#dial(address);
        return;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #dial(address: string): Promise<void> {
    const { port } = this.#target;
    await Bun.connect<PipeEnd>({
      ...(this.#options.dialled?.(address, port) ?? { hostname: address, port }),
      allowHalfOpen: true,
      socket: {
        ...pipeHandlers,
        open: (remote) => {
          remote.data = new PipeEnd(remote);
          if (this.#isGone) remote.terminate();
          else this.#join(remote);
        },
        // Also of a connection that never was.
        close: (remote) => remote.data?.closed(),
        error: (remote) => remote.terminate(),
      },
    });
  }

  #join(remote: Socket<PipeEnd>): void {
    this.#late[Symbol.dispose]();
    this.#remote = remote;
    this.#options.told({ ...this.#target, admitted: true });
    this.socket.write("HTTP/1.1 200 OK\r\n\r\n");
    this.end.join(remote.data);
  }

  #fail(error: unknown): void {
    if (this.#isGone || this.#remote) return;
    this.#options.told({ ...this.#target, admitted: this.#isAsked && !(error instanceof Refusal), why: errorMessage(error) });
    this.socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    this.gone();
  }

  gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#late[Symbol.dispose]();
    this.#onGone(this);
    this.end.closed();
    if (!this.#remote) return;
    this.#options.told({ ...this.#target, admitted: true, bytes: { sent: this.end.passed, received: this.#remote.data.passed } });
  }

  terminate(): void {
    this.#remote?.terminate();
    this.socket.terminate();
    this.gone();
  }
}

export async function serveEgress(options: EgressOptions): Promise<AsyncDisposable> {
  const { path, limits, told } = options;
  const open = new Set<Connection>();
  const onGone = (connection: Connection) => void open.delete(connection);
  const server = Bun.listen<Connection | undefined>({
    unix: path,
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.data = undefined;
        if (open.size >= limits.connections) {
          told({ host: "", port: 0, admitted: false, why: `${limits.connections} connections are open, which is the limit` });
          socket.terminate();
          return;
        }
        const connection = new Connection(socket as Socket<Connection>, options, onGone);
        socket.data = connection;
        open.add(connection);
      },
      data: (socket, chunk) => socket.data?.arrived(chunk),
      drain: (socket) => socket.data?.end.drained(),
      end: (socket) => socket.data?.end.ended(),
      close: (socket) => socket.data?.gone(),
      error: (socket) => socket.terminate(),
    },
  });
  chmodSync(path, 0o600);
  return {
    async [Symbol.asyncDispose]() {
      server.stop(true);
      for (const connection of [...open]) connection.terminate();
    },
  };
}
