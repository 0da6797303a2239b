/** Every limit and duration of the bus. Durations are in milliseconds, sizes in bytes. */
import { type Static, Type } from "@sinclair/typebox";

const KiB = 1024;
const MiB = 1024 * KiB;

const atLeast = (minimum: number, value: number, description: string) => Type.Integer({ minimum, default: value, description });

export const BusConfig = Type.Object(
  {
    port: Type.Integer({ minimum: 0, maximum: 65_535, default: 18_789, description: "0 takes any free port" }),
    bind: Type.String({ default: "loopback", description: "loopback, lan (every interface), or one address of this machine" }),
    hosts: Type.Array(Type.String(), { default: [], description: "Names under which the gateway is reached, such as those of a proxy" }),
    tls: Type.Optional(Type.Object({ keyFile: Type.String(), certFile: Type.String() }, { description: "PEM files; TLS 1.3 only" })),
    connections: atLeast(1, 10_000, "Sockets that may be open"),
    handshakes: atLeast(1, 64, "Sockets that may wait for their hello at one time"),
    foreignHandshakes: atLeast(1, 16, "Of these, sockets that pages of other origins opened"),
    handshakeMs: atLeast(1, 15_000, "From the opened socket to its hello"),
    handshakeBytes: atLeast(1, 64 * KiB, "Size of a frame before hello"),
    handshakeFrames: atLeast(0, 15, "Frames that may wait for the answer to connect"),
    frameBytes: atLeast(1, 25 * MiB, "Size of a frame after hello, either way"),
    bufferedBytes: atLeast(1, 50 * MiB, "What a slow reader may leave unread before its socket is closed"),
    dropBytes: atLeast(0, 1 * MiB, "Unread bytes from which events that may be dropped are skipped"),
    requests: atLeast(1, 256, "Requests of one connection that may run at one time"),
    wrongRoleCalls: atLeast(0, 10, "Calls of the other role's methods before the socket is closed"),
    tickMs: Type.Integer({ minimum: 1, maximum: 300_000, default: 30_000, description: "Between two tick events" }),
    pongMs: atLeast(1, 25_000, "A socket that has not been heard from so long after a ping is dead"),
    healthMs: atLeast(1, 60_000, "Between two health events"),
    presenceMs: atLeast(1, 1_000, "Shortest time between two presence events"),
    presenceEntries: atLeast(1, 200, "Entries in a presence list"),
    drainMs: atLeast(0, 5_000, "How long a stop waits for running requests"),
    idleMs: atLeast(1_000, 30_000, "How long an HTTP connection may be silent before its request has been let in"),
    bodyBytes: atLeast(1, 25 * MiB, "Size of an HTTP request's body"),
    keptMs: atLeast(1, 7 * 86_400_000, "How long the answer to an idempotency key is kept"),
    keptRows: atLeast(1, 100_000, "Kept answers, the oldest go first"),
    sweepMs: atLeast(1, 3_600_000, "Between two sweeps of kept answers"),
    controlPlane: Type.Object(
      {
        methods: Type.Array(Type.String(), { default: ["config.set", "config.patch", "config.apply", "update.run"] }),
        calls: atLeast(1, 30, "Calls of a principal in one window"),
        windowMs: atLeast(1, 60_000, "The window"),
      },
      { default: {}, description: "Writes that change the gateway itself, and how often they may be called" },
    ),
    refusalsKept: atLeast(
      1,
      20,
      "Refused calls of a principal in the audit log, one by one, in a window; the others stand there as a number",
    ),
    refusalsMs: atLeast(0, 60_000, "That window"),
    stabilityEvents: atLeast(1, 1_000, "Entries that diagnostics.stability remembers"),
    loopSampleMs: atLeast(1, 1_000, "Between two looks at the event loop's delay"),
    loopDelayMs: atLeast(1, 250, "Delay from which the event loop counts as degraded"),
    checkResults: Type.Boolean({ default: false, description: "Check every answer against its method's result schema" }),
  },
  { additionalProperties: false },
);
export type BusSettings = Static<typeof BusConfig>;
