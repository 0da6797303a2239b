/**
 * One connection to Discord's gateway, by the SDK's shard: it says hello, identifies or resumes, and keeps the heart beating. Whether there is another
 * connection after it is not the shard's to say, since pauses grow and positions are kept here.
 */
import { type SessionInfo, WebSocketShard, WebSocketShardEvents } from "@discordjs/ws";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { GatewayCloseCodes, type GatewayDispatchPayload } from "discord-api-types/v10";
import type { Session } from "./position.ts";

/** Closed with this, the session can be resumed; with a normal code it could not. */
export const RESUMABLE = 4200;
/** It broke, or nothing came. */
const BROKEN = 1006;

/** A heart that was not answered for so long is dead, whatever the system says of the connection. Discord asks for a beat every 41 seconds. */
const SILENCE_MS = 150_000;
const CLOSE_MS = 2_000;
/** Beyond this the connection ends, and the session hands them out later. */
const MOST_WAITING = 10_000;

/** The session cannot be resumed. */
const LOST: ReadonlySet<number> = new Set([
  1000,
  1001,
  GatewayCloseCodes.NotAuthenticated,
  GatewayCloseCodes.AlreadyAuthenticated,
  GatewayCloseCodes.InvalidSeq,
  GatewayCloseCodes.SessionTimedOut,
]);

export interface Ended {
  readonly code: number;
  /** There is nothing to resume: Discord said so. */
  readonly isLost: boolean;
}

interface GatewayOptions {
  readonly token: string;
  readonly url: string;
  readonly intents: number;
  /** To go on with; absent: a new one. */
  readonly session: Session | undefined;
  readonly clock: Clock;
  /** Sees each event when it comes, before those in front of it are handled. */
  onEvent(event: GatewayDispatchPayload): void;
}

export interface Gateway extends AsyncDisposable {
  /** In order, until the connection ends; what has come by then is still handed out, unless the signal aborts. */
  events(signal: AbortSignal): AsyncGenerator<GatewayDispatchPayload, Ended, void>;
}

export function openGateway({ token, url, intents, session, clock, onEvent }: GatewayOptions): Gateway {
  const waiting: GatewayDispatchPayload[] = [];
  let info: SessionInfo | null = session
    ? { sessionId: session.id, resumeURL: url, sequence: session.seq, shardId: 0, shardCount: 1 }
    : null;
  let hasHello = false;
  let lastBeat = clock.monotonic();
  let ended: Ended | undefined;
  let wake = () => {};
  const end = (how: Ended) => {
    ended ??= how;
    wake();
  };
  /** After its end the shard would connect again by itself: it is told of no session, ever. */
  const never = new Promise<never>(() => {});

  const shard = new WebSocketShard(
    {
      options: {
        token,
        intents,
        shardCount: 1,
        version: "10",
        encoding: "json" as never,
        compression: null,
        useIdentifyCompression: false,
        identifyProperties: { os: process.platform, browser: "pincer", device: "pincer" },
        initialPresence: null,
        largeThreshold: null,
        handshakeTimeout: 20_000,
        helloTimeout: 20_000,
        readyTimeout: 20_000,
        gatewayInformation: { url, shards: 1, session_start_limit: { total: 1, remaining: 1, reset_after: 0, max_concurrency: 1 } },
      },
      retrieveSessionInfo: () => (ended ? never : info),
      updateSessionInfo(_shard, next) {
        // It gives a session up when Discord calls it invalid; and when nothing ever came, which says nothing of the session.
        if (next === null) end({ code: hasHello ? RESUMABLE : BROKEN, isLost: hasHello });
        info = next;
      },
      waitForIdentify: async () => {},
    },
    0,
  );
  shard.on(WebSocketShardEvents.Hello, () => {
    hasHello = true;
  });
  shard.on(WebSocketShardEvents.HeartbeatComplete, () => {
    lastBeat = clock.monotonic();
  });
  shard.on(WebSocketShardEvents.Closed, (code) => end({ code, isLost: LOST.has(code) }));
  // The code of closing says what it was.
  for (const event of [WebSocketShardEvents.Error, WebSocketShardEvents.SocketError] as const) shard.on(event, () => {});
  shard.on(WebSocketShardEvents.Dispatch, (event) => {
    if (ended) return;
    onEvent(event);
    waiting.push(event);
    if (waiting.length > MOST_WAITING) end({ code: BROKEN, isLost: false });
    wake();
  });
  const watch = clock.every(SILENCE_MS / 5, () => {
    if (clock.monotonic() - lastBeat > SILENCE_MS) end({ code: BROKEN, isLost: false });
  });
  shard.connect().catch(() => end({ code: BROKEN, isLost: false })); // silent-ok: the code of closing comes first, and says more

  return {
    async *events(signal) {
      const onAbort = () => wake();
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        for (;;) {
          if (signal.aborted) return { code: RESUMABLE, isLost: false };
          const event = waiting.shift();
          if (event) yield event;
          else if (ended) return ended;
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]();
      end({ code: RESUMABLE, isLost: false });
      const late = Promise.withResolvers<void>();
      using _timer = clock.after(CLOSE_MS, () => late.resolve());
      await Promise.race([shard.destroy({ code: RESUMABLE }), late.promise]);
    },
  };
}
