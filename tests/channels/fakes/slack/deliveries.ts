/**
 * How an app gets its events: over connections of Socket Mode, or by being called (docs.slack.dev/apis/events-api, #retries;
 * /apis/events-api/using-socket-mode; /authentication/verifying-requests-from-slack). What is not acknowledged comes again, three times.
 */
import { createHmac } from "node:crypto";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ServerWebSocket } from "bun";
import { type App, TEAM } from "./world.ts";

export type Kind = "events_api" | "interactive" | "slash_commands";

export interface Link {
  readonly app: App;
}
type Socket = ServerWebSocket<Link>;

interface Delivery {
  readonly kind: Kind;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly since: number;
  attempt: number;
  /** Of the connection that it went out on last. */
  on: Socket | undefined;
  timer: Disposable | undefined;
}

/** Slack waits so long for a word, and then tries again after so long. */
const ACK_MS = 3_000;
const RETRIES_MS = [0, 60_000, 300_000];
/** Nobody is told of an event that is older. */
const GIVEN_UP_MS = 370_000;
const MOST_SOCKETS = 10;

export interface DeliveryOptions {
  /** Every event comes twice, with the same id. */
  readonly twice?: boolean;
  /** In place of Slack's own pauses. */
  readonly retriesMs?: readonly number[];
}

export function createDeliveries(app: App, clock: Clock, look: () => void, { twice = false, retriesMs = RETRIES_MS }: DeliveryOptions) {
  const sockets = new Set<Socket>();
  const waiting = new Map<string, Delivery>();
  const acknowledged: string[] = [];
  const called: { readonly status: number; readonly retry: number }[] = [];
  let requestUrl: string | undefined;
  let ids = 0;
  let turn = 0;

  const settle = (id: string) => {
    waiting.get(id)?.timer?.[Symbol.dispose]();
    waiting.delete(id);
  };

  function again(id: string, delivery: Delivery, ms: number): void {
    delivery.timer?.[Symbol.dispose]();
    const pause = retriesMs[delivery.attempt];
    if (pause === undefined) {
      settle(id);
      return;
    }
    delivery.timer = clock.after(ms + pause, () => {
      delivery.attempt++;
      push(id, delivery);
    });
  }

  function push(id: string, delivery: Delivery): void {
    if (clock.now() - delivery.since > GIVEN_UP_MS) {
      settle(id);
      return;
    }
    if (requestUrl !== undefined) return void call(id, delivery, requestUrl);
    const open = [...sockets];
    const socket = open[turn++ % Math.max(1, open.length)];
    if (!socket) return;
    delivery.on = socket;
    const { kind, payload, attempt } = delivery;
    const retry = attempt === 0 ? {} : { retry_attempt: attempt, retry_reason: "timeout" };
    socket.send(JSON.stringify({ envelope_id: id, type: kind, payload, accepts_response_payload: kind !== "events_api", ...retry }));
    again(id, delivery, ACK_MS);
  }

  async function call(id: string, delivery: Delivery, url: string): Promise<void> {
    const { kind, payload, attempt } = delivery;
    const body =
      kind === "events_api"
        ? JSON.stringify(payload)
        : new URLSearchParams(
            kind === "interactive" ? { payload: JSON.stringify(payload) } : (payload as Record<string, string>),
          ).toString();
    const retry: Record<string, string> =
      attempt === 0 ? {} : { "x-slack-retry-num": String(attempt), "x-slack-retry-reason": "http_error" };
    const headers = { ...signed(app, clock, body, kind === "events_api"), ...retry };
    const response = await fetch(url, { method: "POST", headers, body }).catch(() => undefined); // silent-ok: told as a call without status
    await response?.arrayBuffer();
    called.push({ status: response?.status ?? 0, retry: attempt });
    if (response?.ok || response?.headers.get("x-slack-no-retry") === "1") settle(id);
    else again(id, delivery, 0);
    look();
  }

  function deliver(kind: Kind, payload: Readonly<Record<string, unknown>>): void {
    for (let time = 0; time < (twice && kind === "events_api" ? 2 : 1); time++) {
      const id = `envelope-${app.user}-${++ids}`;
      const delivery: Delivery = { kind, payload, since: clock.now(), attempt: 0, on: undefined, timer: undefined };
      waiting.set(id, delivery);
      push(id, delivery);
    }
  }

  return {
    sockets,
    acknowledged,
    called,
    get pending() {
      return waiting.size;
    },
    /** Slack calls this address from now on; undefined: over connections. */
    callAt(url: string | undefined): void {
      requestUrl = url;
    },
    deliver,
    event(event: Readonly<Record<string, unknown>>): string {
      const id = `Ev${app.user}${++ids}`;
      deliver("events_api", {
        token: "x",
        team_id: TEAM,
        api_app_id: "A1",
        type: "event_callback",
        event_id: id,
        event_time: Math.floor(clock.now() / 1000),
        event,
      });
      return id;
    },

    open(socket: Socket): void {
      if (sockets.size >= MOST_SOCKETS) {
        socket.send(JSON.stringify({ type: "disconnect", reason: "too_many_websockets" }));
        socket.close();
        return;
      }
      sockets.add(socket);
      socket.send(
        JSON.stringify({ type: "hello", num_connections: sockets.size, connection_info: { app_id: "A1" }, debug_info: { host: "fake" } }),
      );
      for (const [id, delivery] of [...waiting]) if (!delivery.on || !sockets.has(delivery.on)) push(id, delivery);
      look();
    },
    take(text: string): void {
      const { envelope_id: id } = JSON.parse(text) as { envelope_id: string };
      if (waiting.has(id)) acknowledged.push(id);
      settle(id);
      look();
    },
    closed(socket: Socket): void {
      if (!sockets.delete(socket)) return;
      for (const [id, delivery] of [...waiting]) if (delivery.on === socket) push(id, delivery);
      look();
    },
    /** Asks every connection to go to another one, which Slack does every few hours; the old one goes when there is a new one. */
    disconnect(reason: "warning" | "refresh_requested" | "link_disabled"): void {
      for (const socket of [...sockets]) {
        socket.send(JSON.stringify({ type: "disconnect", reason, debug_info: { host: "fake" } }));
        if (reason === "link_disabled") socket.close();
      }
    },
    /** Breaks the connections without a word. */
    drop(): void {
      for (const socket of [...sockets]) socket.terminate();
    },
    close(): void {
      for (const id of [...waiting.keys()]) settle(id);
      for (const socket of [...sockets]) socket.terminate();
    },
  };
}
export type Deliveries = ReturnType<typeof createDeliveries>;

/** The head of a request of Slack's. */
export function signed({ signingSecret }: Pick<App, "signingSecret">, clock: Pick<Clock, "now">, body: string, isJson = true) {
  const timestamp = String(Math.floor(clock.now() / 1000));
  return {
    "content-type": isJson ? "application/json" : "application/x-www-form-urlencoded",
    "x-slack-request-timestamp": timestamp,
    "x-slack-signature": `v0=${createHmac("sha256", signingSecret).update(`v0:${timestamp}:${body}`).digest("hex")}`,
  };
}
