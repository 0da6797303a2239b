/** The CLI's connection to a running gateway: the wire as an operator with the shared token. */
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import type { WireScope } from "@pincer/plugin-sdk/method";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { type ConnectParams, protocolVersion } from "@pincer/plugin-sdk/wire/connect";
import { type ErrorEntry, requestFrame, type ServerFrame } from "@pincer/plugin-sdk/wire/frames";
import kernel from "../package.json" with { type: "json" };
import type { Invocation, Run } from "./command.ts";
import { CliError, notRunning } from "./failure.ts";
import { type Home, holder, readToken } from "./home.ts";
import { shownPlainly } from "./terminal.ts";

const scopes: readonly WireScope[] = ["operator.admin", "operator.approvals", "operator.pairing", "operator.questions"];
const connectMs = 15_000;
const answerMs = 30_000;

interface CallOptions {
  /** Of two answers the second. */
  readonly expectFinal?: boolean;
  /** 0 waits for ever. */
  readonly timeoutMs?: number;
}

export type Client = Awaited<ReturnType<typeof open>>;

/** Throws when no gateway runs in the home. What comes is to be read by people, unless it is for a program. */
export async function connect(home: Home, caps: readonly string[] = [], isForProgram = false): Promise<Client> {
  const state = holder(home)?.state;
  if (!state) throw notRunning(home.path);
  return open(state.url, readToken(home), caps, isForProgram ? undefined : shownPlainly);
}

/** A command that asks the gateway: its answer as a value, and as text for people. */
export const asking =
  (ask: (client: Client, invocation: Invocation) => Promise<readonly [value: unknown, text: string]>): Run =>
  async (invocation) => {
    using client = await connect(invocation.home, [], invocation.terminal.json);
    invocation.terminal.result(...(await ask(client, invocation)));
    return EXIT.done;
  };

async function open(url: string, token: string | undefined, caps: readonly string[], shown: typeof shownPlainly | undefined) {
  const socket = new WebSocket(url.replace(/^http/, "ws"));
  const waiting = new Map<string, { readonly expectFinal: boolean; resolve(frame: ServerFrame): void; reject(error: CliError): void }>();
  const listeners = new Set<(event: string, payload: unknown) => void>();
  const ended = Promise.withResolvers<CliError>();
  const challenged = Promise.withResolvers<void>();
  let count = 0;
  let methods: readonly string[] = [];

  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(String(data), shown) as ServerFrame;
    if (frame.type === "res") {
      const isAccepted = frame.ok && (frame.payload as { status?: unknown } | null)?.status === "accepted";
      const asked = waiting.get(frame.id ?? "");
      if (!isAccepted || !asked?.expectFinal) asked?.resolve(frame);
    } else if (frame.event === "connect.challenge") challenged.resolve();
    else if (frame.event) for (const listener of listeners) listener(frame.event, frame.payload);
  };
  socket.onclose = ({ code, reason }) => {
    const error = new CliError(`the gateway closed the connection${reason ? `: ${reason}` : ` (${code})`}`, {
      code: "CLI_DISCONNECTED",
      next: "pincer up; what it has accepted goes on as soon as it runs",
    });
    ended.resolve(error);
    challenged.reject(error);
    for (const { reject } of waiting.values()) reject(error);
  };

  async function call<T = unknown>(
    method: string,
    params?: unknown,
    { expectFinal = false, timeoutMs = answerMs }: CallOptions = {},
  ): Promise<T> {
    if (socket.readyState > WebSocket.OPEN) throw await ended.promise;
    count += 1;
    const id = String(count);
    const answer = Promise.withResolvers<ServerFrame>();
    waiting.set(id, { expectFinal, ...answer });
    const overdue = `${method} has not answered in ${timeoutMs / 1000} s`;
    const late = () => answer.reject(new CliError(overdue, { code: "CLI_TIMEOUT", next: "pincer logs" }));
    using _timer = timeoutMs > 0 ? systemClock.after(timeoutMs, late) : undefined;
    socket.send(requestFrame(id, method, params));
    const { ok, payload, error } = await answer.promise.finally(() => waiting.delete(id));
    if (!ok) throw refusal(error, suggestion(method, methods));
    return payload as T;
  }

  const timer = systemClock.after(connectMs, () =>
    challenged.reject(new CliError(`no answer from ${url} in ${connectMs / 1000} s`, { next: "pincer doctor" })),
  );
  await challenged.promise.finally(() => timer[Symbol.dispose]());
  const params: ConnectParams = {
    minProtocol: protocolVersion,
    maxProtocol: protocolVersion,
    role: "operator",
    scopes: [...scopes],
    caps: [...caps],
    client: { id: "cli", mode: "cli", version: kernel.version, platform: process.platform },
    ...(token !== undefined && { auth: { token } }),
  };
  ({ methods } = (await call<{ features: { methods: readonly string[] } }>("connect", params)).features);
  return {
    call,
    onEvent: (listener: (event: string, payload: unknown) => void) => void listeners.add(listener),
    /** Resolves with what to tell when the gateway ends the connection. */
    closed: ended.promise,
    [Symbol.dispose]() {
      socket.onclose = null;
      socket.close();
    },
  };
}

/** What to type next, most of all where the gateway does not know what was named. */
const nextOf = (code: string): string | undefined => {
  if (code.startsWith("AUTH_TOKEN")) return "the token is that of the running gateway: unset PINCER_TOKEN, or pincer restart";
  if (code === "BUS_METHOD_UNKNOWN") return "pincer plugins list: a plugin that is off would answer it, or none does";
  const [of = ""] = /^(?!PAIRING_CODE)[A-Z]+(?=_(\w+_)?UNKNOWN$)|CODE(?=_UNKNOWN$)/.exec(code) ?? [];
  return { CODE: "pincer pairing list", PAIRING: "pincer devices list", PLUGIN: "pincer plugins list", SECRETS: "pincer secrets list" }[of];
};

function refusal(error: ErrorEntry | undefined, near: string): CliError {
  const code = String(error?.details?.["code"] ?? error?.code ?? "UNKNOWN");
  return new CliError(`${error?.message ?? "refused"}${code === "BUS_METHOD_UNKNOWN" ? near : ""}`, {
    code,
    details: error?.details,
    exit: /^(AUTH_|NOT_PAIRED|FORBIDDEN|MISSING_SCOPE)/.test(code) ? EXIT.refused : EXIT.failed,
    next: nextOf(code),
  });
}
