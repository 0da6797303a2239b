/** One socket: who is behind it, what it has been sent, and how much of that it has not read yet. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ConnectionInfo, Role, WireScope } from "@pincer/plugin-sdk/method";
import type { ConnectParams } from "@pincer/plugin-sdk/wire/connect";
import { eventFrame } from "@pincer/plugin-sdk/wire/frames";
import type { ServerWebSocket } from "bun";
import type { Admitted, Door } from "../access/decision.ts";
import type { BusSettings } from "./settings.ts";
import type { Stability } from "./stability.ts";

/** The longest reason that fits into a close frame, in bytes of UTF-8. */
const longestReason = 123;

export class Connection {
  readonly id = crypto.randomUUID();
  /** `connecting` from the arrival of `connect` to its answer. */
  state: "new" | "connecting" | "open" | "closed" = "new";
  /** Frames that came while `connecting`. */
  readonly waiting: string[] = [];
  readonly topics = new Set<string>();
  readonly nonce = crypto.randomUUID();
  readonly openedAt: number;
  /** From its opening on. */
  socket!: ServerWebSocket<Connection>;
  /** While it arrives: what it says to be. */
  claim: Pick<ConnectParams, "device" | "role"> | undefined;
  info!: ConnectionInfo;
  role!: Role;
  scopes!: readonly WireScope[];
  client!: ConnectParams["client"];
  /** Requests that run. */
  running = 0;
  wrongRoleCalls = 0;
  /** Whether there was any sign of the peer since the last ping. */
  heard = true;
  #seq = 0;
  #abort: AbortController | undefined;
  #signal: AbortSignal | undefined;

  constructor(
    readonly door: Door,
    private readonly context: { readonly clock: Clock; readonly settings: () => BusSettings; readonly stability: Stability },
  ) {
    this.openedAt = context.clock.now();
  }

  admit(params: ConnectParams, { principal, role, scopes, deviceId }: Admitted): void {
    const { client, caps } = params;
    this.client = client;
    this.role = role;
    this.scopes = scopes;
    this.info = {
      id: this.id,
      principal,
      clientId: client.id,
      clientMode: client.mode,
      clientVersion: client.version,
      displayName: client.displayName,
      deviceId,
      remoteAddress: this.door.remoteAddress,
      caps: new Set(caps),
    };
    this.state = "open";
  }

  /** Aborts when the connection closes. Made when it is first looked at. */
  get signal(): AbortSignal {
    if (this.#signal) return this.#signal;
    this.#abort = new AbortController();
    if (this.state === "closed") this.#abort.abort();
    this.#signal = this.#abort.signal;
    return this.#signal;
  }

  /** Closes the connection instead when its peer reads too slowly. */
  send(frame: string): void {
    if (this.state === "closed") return;
    const { socket } = this;
    if (socket.send(frame) > 0) return;
    if (socket.getBufferedAmount() <= this.context.settings().bufferedBytes) return;
    this.context.stability.note("bus.slow-consumer", { connection: this.id, bufferedBytes: socket.getBufferedAmount() });
    this.close(1008, "slow consumer");
  }

  /** The next broadcast of this connection; a skipped one is not counted. */
  broadcast(head: string, dropIfSlow: boolean | undefined): void {
    if (dropIfSlow && this.socket.getBufferedAmount() >= Math.max(1, this.context.settings().dropBytes)) return;
    this.send(eventFrame(head, ++this.#seq));
  }

  ping(): void {
    this.heard = false;
    this.socket.ping();
  }

  close(code: number, reason = ""): void {
    if (this.state === "closed") return;
    this.socket.close(code, fit(reason));
  }

  closed(): void {
    this.state = "closed";
    this.waiting.length = 0;
    this.#abort?.abort();
  }
}

/** Cuts at a character's border, as a close frame demands valid UTF-8: what is left of one that is cut is never decoded. */
const fit = (reason: string): string => new TextDecoder().decode(Buffer.from(reason).subarray(0, longestReason), { stream: true });
