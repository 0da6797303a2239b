/** The socket to the gateway: handshake, requests, events; reconnects by itself and says when events may have been missed. */
import { type Identity, keepGrant, loadGrant, loadIdentity } from "./identity.ts";

interface WireError {
  readonly code: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly retryable?: boolean;
}

export class RequestFailed extends Error {
  readonly error: WireError;
  constructor(error: WireError) {
    super(error.message);
    this.error = error;
  }
}

export type Standing =
  | { readonly state: "connecting" }
  | { readonly state: "connected" }
  | { readonly state: "offline"; readonly retryAt: number }
  | { readonly state: "locked"; readonly reason: string };

/** A one-time code from a login link, the shared secret that somebody typed, or what this browser holds already. */
export type Credential = { readonly bootstrapToken: string } | { readonly token: string } | undefined;

interface Pending {
  resolve(payload: unknown): void;
  reject(error: Error): void;
}

/** The owner's page is where everything of theirs can be done. What this browser was let in for with less, it asks for no more. */
const SCOPES: readonly string[] = ["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"];
const CLIENT = { id: "webchat-ui", mode: "webchat", version: "0.1.0" };
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
const GIVEN_UP = 4003;

interface ConnectionEvents {
  standing(standing: Standing): void;
  /** Connected anew: everything shown must be read again. */
  fresh(hello: Record<string, unknown>): void;
  event(name: string, payload: Record<string, unknown>): void;
}

export class Connection {
  readonly #on: ConnectionEvents;
  #socket: WebSocket | undefined;
  #pending = new Map<string, Pending>();
  #nextId = 1;
  #lastSeq = 0;
  #failures = 0;
  #credential: Credential;
  /** What to ask for when this browser was let in for less than everything. */
  #narrowed: readonly string[] | undefined;
  #retry: number | undefined;
  #quiet: number | undefined;
  #tickMs = 30_000;

  constructor(on: ConnectionEvents) {
    this.#on = on;
    window.addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#hurry());
  }

  open(credential: Credential): void {
    this.#credential = credential;
    this.#narrowed = undefined;
    this.#failures = 0;
    this.#connect();
  }

  async request<T>(method: string, params: unknown = {}): Promise<T> {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN)
      throw new RequestFailed({ code: "UNAVAILABLE", message: "not connected to the gateway", retryable: true });
    const id = `${this.#nextId++}`;
    const answer = new Promise<unknown>((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    socket.send(JSON.stringify({ type: "req", id, method, params }));
    return answer as Promise<T>;
  }

  /** The gateway ends what it does for a connection that is gone. */
  hangUp(): void {
    this.#socket?.close(GIVEN_UP, "given up");
  }

  #connect(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#on.standing({ state: "connecting" });
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/`);
    this.#socket = socket;
    this.#lastSeq = 0;
    let locked: string | undefined;
    socket.onmessage = ({ data }) => {
      if (this.#socket !== socket) return;
      this.#expectTick();
      const frame = JSON.parse(String(data));
      if (frame.type === "res") {
        const pending = this.#pending.get(frame.id);
        this.#pending.delete(frame.id);
        if (frame.ok === true) pending?.resolve(frame.payload);
        else pending?.reject(new RequestFailed(frame.error));
      } else if (frame.event === "connect.challenge") {
        this.#greet(socket, frame.payload).catch((error: unknown) => {
          const approved = approvedFor(error);
          if (approved !== undefined) this.#narrowed = approved;
          else if (error instanceof RequestFailed && error.error.retryable !== true) locked = reasonFor(error.error);
          else if (!(error instanceof RequestFailed)) locked = `This browser cannot log in: ${String(error)}`;
          socket.close();
        });
      } else if (frame.type === "event") {
        if (typeof frame.seq === "number") {
          const missed = this.#lastSeq !== 0 && frame.seq !== this.#lastSeq + 1;
          this.#lastSeq = frame.seq;
          if (missed) return socket.close(4002, "missed events");
        }
        this.#on.event(frame.event, frame.payload ?? {});
      }
    };
    socket.onclose = ({ code }) => {
      if (this.#socket !== socket) return;
      clearTimeout(this.#quiet);
      for (const { reject } of this.#pending.values())
        reject(new RequestFailed({ code: "UNAVAILABLE", message: "the connection was lost", retryable: true }));
      this.#pending.clear();
      if (code === 4001) {
        void keepGrant(undefined);
        locked ??= "This browser was logged out.";
      }
      if (locked !== undefined) return this.#on.standing({ state: "locked", reason: locked });
      if (code === GIVEN_UP) return this.#connect();
      const pause = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++);
      this.#on.standing({ state: "offline", retryAt: Date.now() + pause });
      this.#retry = window.setTimeout(() => this.#connect(), pause);
    };
  }

  async #greet(socket: WebSocket, challenge: { nonce: string; ts: number }): Promise<void> {
    const identity: Identity = await loadIdentity();
    const { deviceToken, scopes: held } = await loadGrant();
    const scopes = this.#narrowed ?? (this.#credential === undefined ? held : undefined) ?? SCOPES;
    const auth: Record<string, string> = this.#credential ?? (deviceToken === undefined ? {} : { deviceToken });
    const token = auth.token ?? auth.deviceToken ?? auth.bootstrapToken ?? "";
    const fields = ["v2", identity.deviceId, CLIENT.id, CLIENT.mode, "operator", scopes.join(","), challenge.ts, token, challenge.nonce];
    const hello = await this.request<
      { auth: { deviceToken?: string; scopes: string[] }; policy: { tickIntervalMs: number } } & Record<string, unknown>
    >("connect", {
      minProtocol: 4,
      maxProtocol: 4,
      role: "operator",
      scopes,
      caps: ["tool-events", "session-scoped-events", "approvals", "exec-approvals", "plugin-approvals"],
      client: { ...CLIENT, platform: navigator.platform || "web", timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone },
      device: {
        id: identity.deviceId,
        publicKey: identity.publicKey,
        signature: await identity.sign(fields.join("|")),
        signedAt: challenge.ts,
        nonce: challenge.nonce,
      },
      auth,
      locale: navigator.language,
      userAgent: navigator.userAgent,
    });
    if (this.#socket !== socket) return;
    if (hello.auth.deviceToken !== undefined) {
      await keepGrant({ deviceToken: hello.auth.deviceToken, scopes: hello.auth.scopes });
      this.#credential = undefined;
    }
    this.#tickMs = hello.policy.tickIntervalMs;
    this.#failures = 0;
    this.#on.fresh(hello);
    this.#on.standing({ state: "connected" });
  }

  /** Twice the tick without a frame means that the other end is gone, though the socket does not say so. */
  #expectTick(): void {
    clearTimeout(this.#quiet);
    this.#quiet = window.setTimeout(() => this.#socket?.close(4000, "tick timeout"), 2 * this.#tickMs);
  }

  #hurry(): void {
    if (this.#retry !== undefined) this.#connect();
  }
}

/** Of a browser that holds a token for less than it asked for: what it may ask for. */
function approvedFor(error: unknown): readonly string[] | undefined {
  if (!(error instanceof RequestFailed) || error.error.details?.["code"] !== "AUTH_SCOPE_MISMATCH") return undefined;
  const approved = error.error.details["approvedScopes"];
  return Array.isArray(approved) ? SCOPES.filter((scope) => approved.includes(scope)) : undefined;
}

function reasonFor({ message, details }: WireError): string {
  switch (details?.["code"]) {
    case "AUTH_BOOTSTRAP_TOKEN_INVALID":
      return "This login link was used already, or is too old.";
    case "AUTH_TOKEN_MISMATCH":
    case "AUTH_PASSWORD_MISMATCH":
      return "That token is not the gateway's.";
    case "PAIRING_REQUIRED":
      return "This browser waits for approval: run pincer devices approve on the gateway's machine, then try again.";
    case "AUTH_RATE_LIMITED":
      return "Too many attempts. Wait a minute, then try again.";
    case "DEVICE_IDENTITY_REQUIRED":
    case "AUTH_REQUIRED":
    case "AUTH_TOKEN_MISSING":
    case "AUTH_DEVICE_TOKEN_MISMATCH":
      return "";
    default:
      return message;
  }
}
