/** Stands between a plugin and the platform or vendor that a test imitates, and lets go wrong what goes wrong on a network. */
import { type Exchange, serveHttp } from "./http-server.ts";

/**
 * What happens to one request. `refused`: the connection breaks before anything was done. `lost`: it is done, and the connection breaks before
 * the answer. `cut`: half of the answer comes. `rate-limited` (over HTTP 429, two seconds), `unavailable` (503), `rejected` (400): the other side
 * never sees it. `duplicate` and `reorder`: of a list in the answer every entry comes twice, or the last comes first.
 */
export type FaultName = "refused" | "lost" | "cut" | "rate-limited" | "unavailable" | "rejected" | "duplicate" | "reorder";

/**
 * `held`: it is done, and the answer waits, so that a test can let something happen in between: the plugin is killed (`kit.crash()`), for example.
 * `kept`: it waits before it is done, and never is when the connection breaks meanwhile. A WebSocket is one request, and what follows goes through
 * as it is.
 */
export type Fault = FaultName | { readonly held: Promise<unknown> } | { readonly kept: Promise<unknown> };

/** Which requests are meant, of HTTP by `method` and `path`, of a protocol of lines by `line`; `path` and `line` are a part of it. */
export interface Which {
  readonly method?: string;
  readonly path?: string;
  readonly line?: string;
}

/** A network that may fail. `F`: what can go wrong on it. */
export interface Faults<F = Fault> extends AsyncDisposable {
  /** Where the plugin goes instead; without a slash at its end. */
  readonly url: string;
  /** How many such requests came. */
  asked(which?: Which): number;
  /** The next requests of that kind, each the next fault; after them everything is well again. */
  next(which: Which, ...faults: readonly F[]): void;
  /** Forgets the faults that no request has met. */
  clear(): void;
  /** Breaks every connection, and each new one, until `connect`. */
  disconnect(): void;
  connect(): void;
}

export interface HttpFaults extends Faults {
  /** Every request that came, in order. */
  readonly requests: readonly { readonly method: string; readonly path: string }[];
}

/** A kind of network: what its requests may meet, and how to stand in it. */
export interface Network {
  readonly faults: readonly FaultName[];
  /** `url` is where the other side really is. */
  start(url: string): Faults | Promise<Faults>;
}

const statuses = { "rate-limited": 429, unavailable: 503, rejected: 400 } as const;

export interface FaultsOptions {
  /** Awaited when a request has come and the other side has not seen it, and when that has done what was asked and the answer is about to go back. */
  readonly at?: (moment: "asked" | "done", request: Pick<Exchange, "method" | "path">) => Promise<void>;
}

/** For a plugin that speaks HTTP. `url` is where the other side really is. */
export function startFaults(url: string, { at }: FaultsOptions = {}): HttpFaults {
  const requests: { method: string; path: string }[] = [];
  const planned: { readonly which: Which; readonly fault: Fault }[] = [];
  const open = new Set<Exchange>();
  let isConnected = true;

  const isMeant = (which: Which, { method, path }: { readonly method: string; readonly path: string }): boolean =>
    (which.method ?? method) === method && path.includes(which.path ?? "");

  const faultOf = (exchange: Exchange): Fault | undefined => {
    const index = planned.findIndex(({ which }) => isMeant(which, exchange));
    return index < 0 ? undefined : planned.splice(index, 1)[0]!.fault;
  };

  async function pass(exchange: Exchange, fault: Fault | undefined): Promise<void> {
    const { method, path, body } = exchange;
    if (typeof fault === "object" && "kept" in fault) {
      await fault.kept;
      if (!isConnected) return exchange.reset();
    }
    if (exchange.headers.get("upgrade")?.toLowerCase() === "websocket") {
      return exchange.tunnel(new URL(url), async () => {
        if (fault === "lost" || fault === "cut") exchange.reset();
        else if (typeof fault === "object" && "held" in fault) await fault.held;
      });
    }
    await at?.("asked", exchange);
    const gone = new AbortController();
    void exchange.left.then(() => gone.abort());
    const headers = new Headers(exchange.headers);
    for (const name of ["host", "connection", "content-length", "accept-encoding"]) headers.delete(name);
    const response = await fetch(`${url}${path}`, { method, headers, signal: gone.signal, ...(body !== "" && { body }) });
    await at?.("done", exchange);
    if (fault === "lost") {
      await response.arrayBuffer();
      return exchange.reset();
    }
    if (typeof fault === "object" && "held" in fault) await fault.held;
    const named = Object.fromEntries(
      [...response.headers].filter(([name]) => !/^(content-length|transfer-encoding|connection)$/.test(name)),
    );
    if (fault === "duplicate" || fault === "reorder") {
      const changed = JSON.stringify(inList(await response.json(), fault === "duplicate" ? twice : backwards));
      return exchange.send(response.status, changed, named);
    }
    exchange.begin(response.status, named);
    if (fault === "cut") {
      const whole = new Uint8Array(await response.arrayBuffer());
      await exchange.write(whole.subarray(0, Math.ceil(whole.length / 2)));
      return exchange.reset();
    }
    for await (const piece of response.body ?? []) await exchange.write(piece);
    exchange.end();
  }

  const server = serveHttp(async (exchange) => {
    requests.push({ method: exchange.method, path: exchange.path });
    if (!isConnected) return exchange.reset();
    const fault = faultOf(exchange);
    if (fault === "refused") return exchange.reset();
    if (typeof fault === "string" && fault in statuses)
      return exchange.send(statuses[fault as keyof typeof statuses], JSON.stringify({ error: fault }), { "retry-after": "2" });
    open.add(exchange);
    try {
      await pass(exchange, fault);
    } catch {
      exchange.reset(); // silent-ok: the other side broke off, or the plugin went away, and is told so
    } finally {
      open.delete(exchange);
    }
  });

  return {
    url: server.origin,
    requests,
    asked: (which = {}) => requests.filter((request) => isMeant(which, request)).length,
    next: (which, ...faults) => void planned.push(...faults.map((fault) => ({ which, fault }))),
    clear: () => void planned.splice(0),
    disconnect() {
      isConnected = false;
      for (const exchange of open) exchange.reset();
    },
    connect() {
      isConnected = true;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const twice = (list: readonly unknown[]) => list.flatMap((entry) => [entry, entry]);
const backwards = (list: readonly unknown[]) => list.toReversed();

/** The answer itself, when it is a list, or the first list in it. */
function inList(answer: unknown, change: (list: readonly unknown[]) => readonly unknown[]): unknown {
  if (Array.isArray(answer)) return change(answer);
  const entries = Object.entries((answer ?? {}) as Record<string, unknown>);
  const place = entries.findIndex(([, value]) => Array.isArray(value));
  return Object.fromEntries(entries.map(([key, value], index) => [key, index === place ? change(value as readonly unknown[]) : value]));
}

export const httpNetwork: Network = {
  faults: ["refused", "lost", "cut", "rate-limited", "unavailable", "rejected", "duplicate", "reorder"],
  start: startFaults,
};
