/** A client that sends messages and notes when their answers come; as cheap as one can be that reads JSON. */
import { helloFor } from "./raw-load.ts";

export interface TurnTimes {
  /** Milliseconds from the request to its answer, to the first text, and to the end. */
  readonly accepted: number;
  readonly first: number;
  readonly final: number;
}

export interface TurnClient {
  /** Sends a message and waits for the end of its answer. Rejects when the run fails or the socket closes. */
  turn(sessionKey: string, message: string): Promise<TurnTimes>;
  call<T>(method: string, params: unknown): Promise<T>;
  /** Called with every event, as the text of its frame. */
  onEvent: ((text: string) => void) | undefined;
  close(): void;
}

interface Run extends PromiseWithResolvers<TurnTimes> {
  readonly sentAt: number;
  accepted: number;
  first: number;
}

interface Frame {
  readonly type: string;
  readonly id?: string;
  readonly ok?: boolean;
  readonly payload?: { readonly runId?: string; readonly state?: string; readonly deltaText?: string; readonly errorMessage?: string };
  readonly error?: { readonly message: string };
  readonly event?: string;
}

export async function connectTurns(
  { url, token }: { readonly url: string; readonly token: string },
  scopes?: readonly string[],
): Promise<TurnClient> {
  const socket = new WebSocket(url);
  const runs = new Map<string, Run>();
  const calls = new Map<string, PromiseWithResolvers<unknown>>();
  const prefix = crypto.randomUUID();
  let numbers = 0;

  const onChat = ({ runId = "", state, deltaText, errorMessage }: NonNullable<Frame["payload"]>) => {
    const run = runs.get(runId);
    if (run === undefined) return;
    const now = performance.now() - run.sentAt;
    if (state === "delta" && deltaText !== "") run.first ||= now;
    else if (state === "final") {
      runs.delete(runId);
      run.resolve({ accepted: run.accepted, first: run.first || now, final: now });
    } else if (state === "error" || state === "aborted") {
      runs.delete(runId);
      run.reject(new Error(`the run ended with ${state}: ${errorMessage}`));
    }
  };

  socket.onmessage = ({ data }) => {
    const text = String(data);
    if (text.startsWith('{"type":"event"')) {
      client.onEvent?.(text);
      // Other events are not looked into: reading them would load the machine, not the gateway.
      if (text.includes('"event":"chat"')) onChat((JSON.parse(text) as Frame).payload ?? {});
      return;
    }
    const { id = "", ok, payload, error } = JSON.parse(text) as Frame;
    const run = runs.get(id);
    if (run !== undefined) {
      run.accepted = performance.now() - run.sentAt;
      if (ok !== true) run.reject(new Error(`chat.send: ${error?.message}`));
    }
    const call = calls.get(id);
    calls.delete(id);
    if (ok === true) call?.resolve(payload);
    else call?.reject(new Error(error?.message));
  };
  const closed = new Promise<never>((_, reject) => {
    socket.onclose = ({ code, reason }) => {
      const error = new Error(`the socket closed: ${code} ${reason}`);
      for (const waiting of [...runs.values(), ...calls.values()]) waiting.reject(error);
      reject(error);
    };
  });
  closed.catch(() => undefined); // silent-ok: told to whoever waits
  const send = (id: string, method: string, params: unknown) => socket.send(JSON.stringify({ type: "req", id, method, params }));

  const client: TurnClient = {
    onEvent: undefined,
    turn(sessionKey, message) {
      const id = `${prefix}:${++numbers}`;
      const run = { ...Promise.withResolvers<TurnTimes>(), sentAt: performance.now(), accepted: 0, first: 0 };
      runs.set(id, run);
      send(id, "chat.send", { sessionKey, message, idempotencyKey: id });
      return run.promise;
    },
    call<T>(method: string, params: unknown) {
      const id = `${prefix}:${++numbers}`;
      const call = Promise.withResolvers<unknown>();
      calls.set(id, call);
      send(id, method, params);
      return call.promise as Promise<T>;
    },
    close: () => socket.close(),
  };
  await Promise.race([new Promise<void>((resolve) => void socket.addEventListener("open", () => resolve())), closed]);
  if (token !== "") {
    const { id, params } = JSON.parse(helloFor(token, scopes)) as { id: string; params: unknown };
    const call = Promise.withResolvers<unknown>();
    calls.set(id, call);
    send(id, "connect", params);
    await call.promise;
  }
  return client;
}
