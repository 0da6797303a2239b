/** A small client of the wire for tests: every frame is kept, and one waits for what one expects instead of for time to pass. */
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { type ConnectParams, deviceClaim, protocolVersion } from "../wire/connect.ts";
import type { ErrorEntry, ServerFrame } from "../wire/frames.ts";

export class WireFailure extends Error {
  readonly error: ErrorEntry;
  /** The gateway's or the plugin's own code where there is one, such as `DICE_TOO_MANY`; else the wire's. */
  readonly code: string;
  constructor(method: string, error: ErrorEntry) {
    super(`${method}: ${error.code} ${String(error.details?.["code"] ?? "")} ${error.message}`);
    this.error = error;
    this.code = String(error.details?.["code"] ?? error.code);
  }
}

export interface ClientOptions {
  readonly url: string;
  readonly token?: string;
  readonly auth?: Readonly<Record<string, string>>;
  readonly client?: Readonly<Record<string, unknown>>;
  readonly role?: string;
  readonly scopes?: readonly string[];
  readonly caps?: readonly string[];
  readonly device?: DeviceKey;
  readonly connect?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sees every frame in both directions, for checks over a whole run. */
  readonly onFrame?: (direction: "in" | "out", frame: Readonly<Record<string, unknown>>) => void;
}

export interface DeviceKey {
  readonly id: string;
  readonly publicKey: string;
  sign(text: string): string;
}

export function createDeviceKey(): DeviceKey {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  return {
    id: createHash("sha256").update(raw).digest("hex"),
    publicKey: raw.toString("base64url"),
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString("base64url"),
  };
}

const SCOPES = ["operator.read", "operator.write", "operator.admin", "operator.approvals", "operator.pairing"];

type Payload = Record<string, unknown>;

export class WireClient {
  readonly frames: ServerFrame[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  hello: Payload = {};
  readonly #socket: WebSocket;
  readonly #onFrame: ClientOptions["onFrame"];
  readonly #watchers = new Set<(frame: ServerFrame) => void>();
  #nextId = 1;

  constructor(options: ClientOptions) {
    this.#onFrame = options.onFrame;
    this.#socket = new WebSocket(options.url, { headers: { ...options.headers } } as never);
    this.closed = new Promise((resolve) => {
      this.#socket.onclose = ({ code, reason }) => resolve({ code, reason });
    });
    this.#socket.onmessage = ({ data }) => {
      const frame = JSON.parse(String(data)) as ServerFrame;
      this.frames.push(frame);
      this.#onFrame?.("in", frame as never);
      for (const watcher of [...this.#watchers]) watcher(frame);
    };
  }

  /** Connects, answers the challenge and returns after the hello. Rejects with a `WireFailure` when refused. */
  static async connect(options: ClientOptions): Promise<WireClient> {
    const client = new WireClient(options);
    const challenge = await client.event("connect.challenge");
    const { role = "operator", scopes = SCOPES, caps = [], device } = options;
    const identity = { id: "cli", mode: "cli", version: "test", platform: process.platform, ...options.client };
    const auth = options.auth ?? (options.token === undefined ? {} : { token: options.token });
    const range = { minProtocol: protocolVersion, maxProtocol: protocolVersion };
    const claims = { ...range, client: identity, role, scopes, auth } as unknown as ConnectParams;
    const signed = device && { id: device.id, signedAt: Number(challenge["ts"]), nonce: String(challenge["nonce"]) };
    client.hello = (await client.call("connect", {
      ...claims,
      caps,
      ...(signed && { device: { ...signed, publicKey: device.publicKey, signature: device.sign(deviceClaim("v3", claims, signed)) } }),
      ...options.connect,
    })) as Payload;
    return client;
  }

  send(frame: Readonly<Record<string, unknown>>): void {
    this.#onFrame?.("out", frame);
    this.#socket.send(JSON.stringify(frame));
  }

  sendRaw(text: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(text);
  }

  /** The answer to one request; of two answers the first. */
  async call<T = Payload>(method: string, params?: unknown): Promise<T> {
    const [first] = this.#request(method, params, 1);
    return (await first) as T;
  }

  /** Both answers of a method that answers twice. A request that is refused rejects the first. */
  callTwice<T = Payload>(method: string, params?: unknown): { readonly accepted: Promise<Payload>; readonly final: Promise<T> } {
    const [accepted, final] = this.#request(method, params, 2);
    final?.catch(() => undefined); // silent-ok: a refusal is told by the first answer
    return { accepted: accepted as Promise<Payload>, final: final as Promise<T> };
  }

  /** The payload of the first event that matches, from those that came already on. */
  event(name: string, matches: (payload: Payload) => boolean = () => true, from = 0): Promise<Payload> {
    return this.until((frame) => frame.event === name && matches((frame.payload ?? {}) as Payload), from).then(
      (frame) => (frame.payload ?? {}) as Payload,
    );
  }

  /** The first frame that matches, from those that came already on. Rejects when the socket closes first. */
  until(matches: (frame: ServerFrame) => boolean, from = 0): Promise<ServerFrame> {
    const there = this.frames.slice(from).find(matches);
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve, reject) => {
      const watcher = (frame: ServerFrame) => {
        if (!matches(frame)) return;
        this.#watchers.delete(watcher);
        resolve(frame);
      };
      this.#watchers.add(watcher);
      void this.closed.then(({ code, reason }) =>
        reject(new Error(`the socket closed (${code} ${reason}) before the expected frame came`)),
      );
    });
  }

  eventsOf(name: string): Payload[] {
    return this.frames.filter((frame) => frame.event === name).map((frame) => (frame.payload ?? {}) as Payload);
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #request(method: string, params: unknown, answers: number): Promise<unknown>[] {
    const id = `${this.#nextId++}:${crypto.randomUUID()}`;
    const from = this.frames.length;
    let seen = 0;
    const settled: PromiseWithResolvers<unknown>[] = Array.from({ length: answers }, () => Promise.withResolvers());
    const watcher = (frame: ServerFrame) => {
      if (frame.type !== "res" || frame.id !== id) return;
      const waiting = settled[seen++];
      if (frame.ok === true) waiting?.resolve(frame.payload);
      else {
        const failure = new WireFailure(method, frame.error ?? { code: "UNKNOWN", message: "no error was given" });
        for (const open of settled.slice(seen - 1)) open.reject(failure);
      }
      if (seen >= answers || frame.ok !== true) this.#watchers.delete(watcher);
    };
    this.#watchers.add(watcher);
    void this.closed.then(({ code, reason }) => {
      for (const open of settled)
        open.reject(
          new Error(`${method}: the socket closed (${code} ${reason}); ${this.frames.length - from} frames came after the request`),
        );
    });
    this.send({ type: "req", id, method, ...(params === undefined ? {} : { params }) });
    return settled.map(({ promise }) => promise);
  }
}
