/**
 * The way out of a confined plugin, over the connection that it has anyway. It admits what is declared, looks names up itself, dials the very
 * address that it judged, and hands on bytes that it cannot read.
 */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { Connection } from "@pincer/plugin-sdk/runtime/connection";
import type { Served } from "@pincer/plugin-sdk/runtime/peer";
import type { EgressItem, EgressRequest } from "@pincer/plugin-sdk/runtime/process-protocol";
import { createResolver, type Resolve } from "@pincer/plugin-sdk/runtime/resolver";
import { linkSignals } from "@pincer/plugin-sdk/signal";
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
  readonly admits: Admits;
  readonly clock: Clock;
  readonly limits: {
    /** At a time. */
    readonly connections: number;
    /** Until a connection that was asked for stands. */
    readonly connectMs: number;
  };
  /** The addresses of a name, as the system has them when absent. */
  readonly resolve?: Resolve;
  /** Where an address that was admitted is dialled: there, when absent. Tests have no internet. */
  dialled?(address: string, port: number): { readonly hostname: string; readonly port: number };
  told(event: EgressEvent): void;
}

/** What a process asks of it, as streams and calls of a peer whose names begin with `egress`. */
export type Egress = Served & Disposable;

/** The whole of it, so that nothing that is understood differently elsewhere gets past. */
const TARGET = /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,254}):([1-9]\d{0,4})$/;
/** Of a name with more addresses than that the rest is not tried. */
const MAX_ADDRESSES = 8;

/** Not let through, in place of not reached. */
class Refusal extends Error {}

export function createEgress({ admits, clock, limits, resolve = createResolver(), dialled, told }: EgressOptions): Egress {
  const open = new Map<number, Connection>();
  let asked = 0;
  let count = 0;

  const connect = async (host: string, port: number, signal: AbortSignal): Promise<Connection> => {
    const admission = admits(host, port);
    if (!admission.admitted) throw new Refusal(admission.why);
    const addresses = "addresses" in admission ? admission.addresses : await resolve(admission.name, admission.mayBePrivate);
    const why = "addresses" in admission ? undefined : admission.refuses(addresses);
    if (why !== undefined) throw new Refusal(why);
    let failure: unknown;
    for (const address of addresses.slice(0, MAX_ADDRESSES)) {
      signal.throwIfAborted();
      try {
        return await Connection.to(dialled?.(address, port) ?? { hostname: address, port }, signal);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  };

  /** Rejects when the signal aborts or the time is up. What is under way then cannot be called back: it counts until it has come to something. */
  const connected = async (host: string, port: number, signal: AbortSignal): Promise<Connection> => {
    using stop = linkSignals(signal);
    using _late = clock.after(limits.connectMs, () => stop.abort(new Error("no connection came about in time")));
    const gone = new Promise<never>((_, reject) => stop.signal.addEventListener("abort", () => reject(stop.signal.reason)));
    const made = connect(host, port, stop.signal);
    const tooLate = (remote: Connection) => {
      if (!stop.signal.aborted) return;
      asked--;
      remote.terminate();
    };
    made.then(tooLate, () => asked--);
    return await Promise.race([made, gone]);
  };

  async function* stream(text: string, signal: AbortSignal): AsyncGenerator<EgressItem, null, void> {
    const [, name = "", digits = ""] = TARGET.exec(text) ?? [];
    const target = { host: name.toLowerCase(), port: Number(digits) };
    const refuse = (error: unknown) => {
      told({ ...target, admitted: name !== "" && !(error instanceof Refusal), why: errorMessage(error) });
      return pluginErrors.PLUGIN_PERMISSION(`there is no way out to ${text.slice(0, 300)}: ${errorMessage(error)}`);
    };
    if (name === "") throw refuse(new Refusal("expected host:port"));
    if (asked >= limits.connections) throw refuse(new Refusal(`${limits.connections} connections are open, which is the limit`));
    asked++;
    const remote = await connected(target.host, target.port, signal).catch((error) => Promise.reject(refuse(error)));
    const connection = ++count;
    open.set(connection, remote);
    remote.onClose = () => {
      asked--;
      open.delete(connection);
      told({ ...target, admitted: true, bytes: { sent: remote.sent, received: remote.received } });
    };
    told({ ...target, admitted: true });
    const left = () => remote.terminate();
    signal.addEventListener("abort", left);
    let isRead = false;
    try {
      yield { connection };
      for await (const chunk of remote.read()) yield { chunk };
      isRead = !signal.aborted;
      return null;
    } finally {
      signal.removeEventListener("abort", left);
      // What it still says may be heard over there, when it was read to its end.
      if (!isRead) remote.terminate();
    }
  }

  const calls: Readonly<Record<string, (remote: Connection, bytes: unknown) => unknown>> = {
    "egress.write"(remote, bytes) {
      if (bytes instanceof Uint8Array) return remote.write(bytes);
      throw pluginErrors.PLUGIN_PROTOCOL("expected bytes to write");
    },
    "egress.finish": (remote) => remote.finish(),
  };

  return {
    async call(target, params) {
      const { connection, bytes } = (params ?? {}) as { readonly connection?: unknown; readonly bytes?: unknown };
      const run = Object.hasOwn(calls, target) ? calls[target] : undefined;
      if (!run) throw pluginErrors.PLUGIN_PROTOCOL(`the gateway has no ${target.slice(0, 200)}`);
      const remote = open.get(connection as number);
      if (!remote) throw pluginErrors.PLUGIN_GONE("the connection is closed");
      return (await run(remote, bytes)) ?? null;
    },
    stream(target, params, { signal }) {
      if (target !== "egress") throw pluginErrors.PLUGIN_PROTOCOL(`the gateway has no stream ${target.slice(0, 200)}`);
      const { target: wanted } = (params ?? {}) as { readonly [K in keyof EgressRequest]?: unknown };
      return stream(typeof wanted === "string" ? wanted : "", signal);
    },
    [Symbol.dispose]() {
      for (const remote of [...open.values()]) remote.terminate();
    },
  };
}
