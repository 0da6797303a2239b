/** One connection of Socket Mode (docs.slack.dev/apis/events-api/using-socket-mode): what comes is acknowledged once it is kept. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { Kind } from "./hand-in.ts";

/** From the request to Slack's greeting. */
const HELLO_MS = 20_000;
/** How often it is asked whether somebody is still there, and for how long nobody need answer. */
const PING_MS = 10_000;
const SILENCE_MS = 30_000;
/** How long what was received may take once the connection is to end. */
const LEAVE_MS = 2_000;
const MOST_ENVELOPE_CHARACTERS = 4 * 1024 * 1024;

/** What Bun's client has besides what pages have. */
interface Socket extends WebSocket {
  ping(): void;
  terminate(): void;
}

export interface Envelope {
  readonly kind: Kind;
  readonly payload: unknown;
}

/** Why a connection is not to be used any longer: Slack asks to go to another one, or it is gone. */
export interface Parting {
  readonly reason: "refresh" | "link_disabled" | "too_many_websockets" | "lost";
  readonly detail: string;
}

export interface Link {
  /** Resolves with Slack's greeting; rejects with `CHANNEL_UNAVAILABLE`. */
  readonly hello: Promise<void>;
  /** Never rejects. */
  readonly parting: Promise<Parting>;
  /** Takes nothing any more, and ends once what was taken is acknowledged. */
  close(): Promise<void>;
}

interface LinkDeps {
  readonly clock: Clock;
  /** Resolves once it may be acknowledged. */
  take(envelope: Envelope): Promise<void>;
  /** Of an envelope that was not kept, and that Slack brings again. */
  failed(error: unknown): void;
}

const kinds: ReadonlySet<unknown> = new Set<Kind>(["events_api", "interactive", "slash_commands"]);

function parsed(text: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof text !== "string" || text.length > MOST_ENVELOPE_CHARACTERS) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // silent-ok: Slack brings it again, and nothing can be acknowledged of it
  }
}

export function openLink(url: string, { clock, take, failed }: LinkDeps): Link {
  const hello = Promise.withResolvers<void>();
  const parting = Promise.withResolvers<Parting>();
  const pending = new Set<Promise<void>>();
  const socket = new WebSocket(url) as Socket;
  let isOpen = true;
  let heard = clock.monotonic();

  const gone = (detail: string) => {
    isOpen = false;
    greeting[Symbol.dispose]();
    beat[Symbol.dispose]();
    hello.reject(channelErrors.CHANNEL_UNAVAILABLE(detail));
    parting.resolve({ reason: "lost", detail });
  };
  const greeting = clock.after(HELLO_MS, () => {
    gone(`Slack does not greet within ${HELLO_MS / 1000} s`);
    socket.terminate();
  });
  const beat = clock.every(PING_MS, () => {
    if (clock.monotonic() - heard > SILENCE_MS) {
      gone(`nothing was heard of Slack for ${SILENCE_MS / 1000} s`);
      socket.terminate();
    } else if (socket.readyState === WebSocket.OPEN) socket.ping();
  });
  hello.promise.catch(() => undefined); // silent-ok: whoever does not wait for the greeting is told by parting

  async function handle(envelope: Envelope, id: string): Promise<void> {
    try {
      await take(envelope);
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ envelope_id: id }));
    } catch (error) {
      failed(error);
    }
  }

  function onMessage({ data }: MessageEvent): void {
    heard = clock.monotonic();
    const message = parsed(data);
    if (!message || !isOpen) return;
    const { type, reason, envelope_id: id, payload } = message;
    if (type === "hello") {
      greeting[Symbol.dispose]();
      hello.resolve();
    } else if (type === "disconnect") {
      const isEnd = reason === "link_disabled" || reason === "too_many_websockets";
      parting.resolve({ reason: isEnd ? reason : "refresh", detail: `Slack asks to connect anew (${String(reason).slice(0, 100)})` });
    } else if (typeof id === "string" && kinds.has(type)) {
      const handled = handle({ kind: type as Kind, payload }, id).finally(() => pending.delete(handled));
      pending.add(handled);
    } else if (typeof id === "string") socket.send(JSON.stringify({ envelope_id: id }));
  }

  const onHeard = () => {
    heard = clock.monotonic();
  };
  socket.addEventListener("message", onMessage);
  for (const event of ["ping", "pong"]) socket.addEventListener(event, onHeard);
  // The reason that an error names may hold the address, in which there is a ticket.
  socket.addEventListener("error", () => gone("the connection to Slack cannot be made, or broke"));
  socket.addEventListener("close", () => gone("the connection to Slack ended"));

  return {
    hello: hello.promise,
    parting: parting.promise,
    async close() {
      isOpen = false;
      if (pending.size > 0) {
        const late = Promise.withResolvers<void>();
        using _timer = clock.after(LEAVE_MS, late.resolve);
        await Promise.race([Promise.allSettled(pending), late.promise]);
      }
      gone("it was asked to end");
      socket.close();
    },
  };
}
