/**
 * The gateway, version 10, as JSON and without compression (discord.com/developers/docs/events/gateway, events/gateway-events): hello, heartbeat,
 * identify, resume, reconnect, invalid session, and sessions that outlive a connection.
 */
import type { ServerWebSocket } from "bun";
import type { Bot, World } from "./world.ts";

const PAYLOAD_LIMIT = 4096;
const MESSAGE_CONTENT = 1 << 15;
const CONTENT_FLAGS = (1 << 18) | (1 << 19);
const KNOWN_INTENTS = (1 << 26) - 1;

interface Event {
  readonly t: string;
  readonly s: number;
  readonly d: unknown;
}

interface Session {
  readonly id: string;
  readonly bot: Bot;
  readonly intents: number;
  seq: number;
  readonly events: Event[];
  socket: Socket | undefined;
}

export interface Connection {
  session: Session | undefined;
}
type Socket = ServerWebSocket<Connection>;

class Closing extends Error {
  constructor(
    readonly code: number,
    reason: string,
  ) {
    super(reason);
  }
}

interface Frame {
  readonly op: number;
  readonly d: unknown;
}

export interface GatewayOptions {
  readonly heartbeatMs: number;
  /** What happens before the first session is told to it, so that a test need not wait for it; Discord keeps nothing for nobody. */
  readonly keepsEarly: boolean;
  /** Something came or went. */
  readonly changed: () => void;
  /** Where sessions are resumed. */
  readonly url: () => string;
}

/** What a bot of these intents sees of an event; undefined: nothing. */
export type View = (intents: number, bot: Bot) => unknown;

export function createGateway(world: World, { heartbeatMs, keepsEarly, changed, url }: GatewayOptions) {
  const sessions = new Map<string, Session>();
  const sockets = new Set<Socket>();
  const ledger: { readonly op: number; readonly d: unknown }[] = [];
  const closes: number[] = [];
  let isDeaf = false;
  const early: { readonly t: string; readonly view: View }[] = [];
  let hadSession = false;

  const put = (socket: Socket, frame: object) => void socket.send(JSON.stringify(frame));
  const show = (socket: Socket, event: Event) => put(socket, { op: 0, ...event });

  function dispatch(session: Session, t: string, d: unknown): void {
    session.seq++;
    const event = { t, s: session.seq, d };
    session.events.push(event);
    if (session.socket) show(session.socket, event);
  }

  function tellOne(session: Session, t: string, view: View): void {
    const d = view(session.intents, session.bot);
    if (d !== undefined) dispatch(session, t, d);
  }

  function close(socket: Socket, code: number, reason: string): void {
    if (socket.data.session?.socket === socket) socket.data.session.socket = undefined;
    socket.close(code, reason);
  }

  const invalid = (socket: Socket, isResumable: boolean) => put(socket, { op: 9, d: isResumable, s: null, t: null });

  function identify(socket: Socket, d: unknown): void {
    const { token, intents, properties, shard } = d as { token?: unknown; intents?: unknown; properties?: unknown; shard?: unknown };
    const bot = world.bots.get(String(token));
    if (!bot) throw new Closing(4004, "Authentication failed.");
    if (typeof properties !== "object" || properties === null) throw new Closing(4002, "Error while decoding payload.");
    if (typeof intents !== "number" || (intents & ~KNOWN_INTENTS) !== 0) throw new Closing(4013, "Invalid intent(s).");
    if ((intents & MESSAGE_CONTENT) !== 0 && (bot.flags & CONTENT_FLAGS) === 0) throw new Closing(4014, "Disallowed intent(s).");
    if (shard !== undefined && JSON.stringify(shard) !== "[0,1]") throw new Closing(4010, "Invalid shard.");
    const session: Session = { id: crypto.randomUUID().replaceAll("-", ""), bot, intents, seq: 0, events: [], socket };
    sessions.set(session.id, session);
    socket.data.session = session;
    const guilds = [...world.guilds.values()];
    dispatch(session, "READY", {
      v: 10,
      user: bot.user,
      guilds: guilds.map(({ id }) => ({ id, unavailable: true })),
      session_id: session.id,
      resume_gateway_url: url(),
      application: { id: bot.user.id, flags: bot.flags },
    });
    for (const guild of guilds) {
      const inside = [...world.channels.values()].filter(({ guild_id }) => guild_id === guild.id);
      const shown = inside.map(({ guild_id: _implied, ...channel }) => channel);
      dispatch(session, "GUILD_CREATE", {
        ...guild,
        channels: shown.filter(({ type }) => type !== 11),
        threads: shown.filter(({ type }) => type === 11),
      });
    }
    hadSession = true;
    for (const { t, view } of early.splice(0)) tellOne(session, t, view);
  }

  function resume(socket: Socket, d: unknown): void {
    const { token, session_id, seq } = d as { token?: unknown; session_id?: unknown; seq?: unknown };
    const bot = world.bots.get(String(token));
    if (!bot) throw new Closing(4004, "Authentication failed.");
    const session = sessions.get(String(session_id));
    if (!session || session.bot !== bot) {
      invalid(socket, false);
      return;
    }
    if (typeof seq !== "number" || seq > session.seq) throw new Closing(4007, "Invalid seq.");
    if (session.socket && session.socket !== socket) close(session.socket, 4009, "Session timed out.");
    session.socket = socket;
    socket.data.session = session;
    for (const event of session.events) if (event.s > seq) show(socket, event);
    dispatch(session, "RESUMED", { _trace: [] });
  }

  function hear(socket: Socket, text: string): void {
    let frame: Frame;
    try {
      if (text.length > PAYLOAD_LIMIT) throw new Error("too large");
      frame = JSON.parse(text) as Frame;
    } catch {
      throw new Closing(4002, "Error while decoding payload.");
    }
    ledger.push(frame);
    const { op, d } = frame;
    if (op === 1) {
      if (!isDeaf) put(socket, { op: 11 });
      return;
    }
    if (op !== 2 && op !== 6) throw new Closing(socket.data.session ? 4001 : 4003, "Not authenticated.");
    if (socket.data.session) throw new Closing(4005, "Already authenticated.");
    if (op === 2) identify(socket, d);
    else resume(socket, d);
  }

  return {
    /** What clients sent, and with which codes they closed. */
    ledger,
    closes,
    sessions,
    websocket: {
      open(socket: Socket) {
        sockets.add(socket);
        put(socket, { op: 10, d: { heartbeat_interval: heartbeatMs }, s: null, t: null });
      },
      message(socket: Socket, text: string | Buffer) {
        try {
          hear(socket, String(text));
        } catch (error) {
          if (!(error instanceof Closing)) throw error;
          close(socket, error.code, error.message);
        }
        changed();
      },
      close(socket: Socket, code: number) {
        sockets.delete(socket);
        closes.push(code);
        changed();
        const { session } = socket.data;
        if (session?.socket === socket) session.socket = undefined;
        // A client that says good-bye ends its session.
        if (session && (code === 1000 || code === 1001)) sessions.delete(session.id);
      },
    },
    /** To every session whose bot sees it. */
    tell(t: string, view: View): void {
      if (keepsEarly && !hadSession) early.push({ t, view });
      for (const session of sessions.values()) tellOne(session, t, view);
    },
    /** Hands out again what these sessions have had, the last so many. */
    repeat(count: number, order: (events: readonly Event[]) => readonly Event[] = (events) => events): void {
      for (const { socket, events } of sessions.values()) if (socket) for (const event of order(events.slice(-count))) show(socket, event);
    },
    /** Sends as it is. */
    raw(text: string): void {
      for (const socket of sockets) socket.send(text);
    },
    reconnect(): void {
      for (const socket of sockets) put(socket, { op: 7, d: null, s: null, t: null });
    },
    /** Ends every session, as after an hour; those who are connected are told. */
    invalidate(): void {
      sessions.clear();
      for (const socket of sockets) {
        socket.data.session = undefined;
        invalid(socket, false);
      }
    },
    /** Ends sessions of which nobody is told. */
    forget: () => sessions.clear(),
    drop(code: number): void {
      for (const socket of [...sockets]) close(socket, code, "");
    },
    /** Answers no heartbeat any more. */
    deafen(): void {
      isDeaf = true;
    },
    get connections(): number {
      return sockets.size;
    },
  };
}
export type Gateway = ReturnType<typeof createGateway>;
