/**
 * What is compared, each as a process of its own: `bare` is a `Bun.serve` with nothing around it, `bus` the kernel's bus with one method.
 * `bun servers.ts bare|bus` prints `{ port, token }`; a parent with a channel to it can ask it to emit, and what it has used.
 */
import { pieceAt, readPace } from "./pace.ts";

const payload = { runId: "r-0123456789", stream: "assistant", seq: 1, data: { delta: " token", text: "x".repeat(200) } };

export interface Ask {
  readonly ask: "cpu" | "emit";
  readonly count: number;
}
export interface Told {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly cpuMs: number;
}
interface Serving {
  readonly port: number;
  readonly token: string;
  emit(count: number): void;
}

interface BareRequest {
  readonly id: string;
  readonly method: string;
  readonly params: { readonly idempotencyKey: string; readonly message: string };
}

export const RELAY = "/relay";
export interface Relayed {
  readonly text: string;
  /** Where the answer is posted. */
  readonly to: string;
}

/** Every socket gets every event, as with the gateway's own clients. */
function serveBare(): Serving {
  const upstream = process.env["BENCH_UPSTREAM"];
  const event = (name: string, given: unknown) => server.publish("all", JSON.stringify({ type: "event", event: name, payload: given }));

  /** The least that a gateway does in a turn: asks the model, or is one itself, and passes on what it says. */
  async function turn({ idempotencyKey: runId, message }: BareRequest["params"]): Promise<void> {
    let text = "";
    const delta = (deltaText: string) => {
      text += deltaText;
      event("chat", { runId, state: "delta", deltaText, message: { role: "assistant", content: [{ type: "text", text }] } });
    };
    await ask(message, delta);
    event("chat", { runId, state: "final", message: { role: "assistant", content: [{ type: "text", text }] } });
  }

  async function ask(message: string, delta: (text: string) => void): Promise<void> {
    if (upstream === undefined) {
      const { firstMs, stepMs, pieces } = readPace(message);
      for (let piece = 0; piece < pieces; piece++) {
        const wait = piece === 0 ? firstMs : stepMs;
        if (wait > 0) await Bun.sleep(wait);
        delta(pieceAt(performance.timeOrigin + performance.now()));
      }
    } else {
      const body = JSON.stringify({ model: "bench", stream: true, messages: [{ role: "user", content: message }] });
      const response = await fetch(`${upstream}/v1/chat/completions`, { method: "POST", body });
      let rest = "";
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          if (!line.startsWith("data: {")) continue;
          const { choices } = JSON.parse(line.slice(6)) as { choices: readonly { delta?: { content?: string } }[] };
          const content = choices[0]?.delta?.content;
          if (content) delta(content);
        }
      }
    }
  }

  /** The least that a channel does: what somebody said goes to the model, and what that says to where it is to be posted. */
  async function relay({ text, to }: Relayed): Promise<void> {
    let said = "";
    await ask(text, (delta) => {
      said += delta;
    });
    await fetch(to, { method: "POST", body: JSON.stringify({ text: said }) });
  }

  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request, server) {
      if (server.upgrade(request, { data: undefined })) return undefined;
      if (upstream === undefined || request.method !== "POST") return new Response("no");
      if (request.url.endsWith(RELAY)) {
        void relay((await request.json()) as Relayed);
        return new Response(null, { status: 202 });
      }
      // The least that a gateway does with a request: reads it, and asks the model.
      const { model: _, ...body } = (await request.json()) as Record<string, unknown>;
      const response = await fetch(`${upstream}${new URL(request.url).pathname}`, { method: "POST", body: JSON.stringify(body) });
      return new Response(response.body, { headers: { "content-type": response.headers.get("content-type") ?? "" } });
    },
    websocket: {
      open: (socket) => void socket.subscribe("all"),
      message(socket, text) {
        const { id, method, params } = JSON.parse(text as string) as BareRequest;
        socket.send(JSON.stringify({ type: "res", id, ok: true, payload: params }));
        if (method === "chat.send") void turn(params);
      },
    },
  });
  return {
    port: server.port!,
    token: "",
    emit(count) {
      for (let n = 0; n < count; n++) server.publish("all", JSON.stringify({ type: "event", event: "agent", payload, seq: n }));
    },
  };
}

async function serveBus(): Promise<Serving> {
  const { Type } = await import("@sinclair/typebox");
  const { defineEvent } = await import("@pincer/plugin-sdk/event");
  const { startBus } = await import("../support/bus.ts");
  const { method } = await import("../support/methods.ts");
  const Echo = Type.Object({ text: Type.String({ maxLength: 1_000 }), n: Type.Integer({ minimum: 0 }) }, { additionalProperties: false });
  const echo = method("bench-echo.echo", (given) => given, { scope: "operator.read", params: Echo, result: Echo });
  const agent = defineEvent({ name: "agent", summary: "For the bench.", scope: "operator.read", payload: Type.Unknown() });
  const host = await startBus({ methods: [echo], settings: { checkResults: false, handshakes: 2_000 } });
  host.plugins.events.set("agent", agent);
  let subscribed = 0;
  return {
    port: Number(new URL(host.url).port),
    token: host.token,
    emit(count) {
      const connections = host.bus.connections();
      if (connections.length !== subscribed) for (const { info } of connections) host.bus.subscribe(info.id, "session:main");
      subscribed = connections.length;
      for (let n = 0; n < count; n++) host.bus.emit(agent, payload, { topics: ["session:main"] });
    },
  };
}

if (import.meta.main) {
  const { port, token, emit } = process.argv[2] === "bus" ? await serveBus() : serveBare();
  process.on("message", ({ ask, count }: Ask) => {
    if (ask === "emit") emit(count);
    const { user, system } = process.cpuUsage();
    process.send?.({ at: performance.timeOrigin + performance.now(), cpuMs: (user + system) / 1_000 } satisfies Told);
  });
  console.log(JSON.stringify({ port, token }));
}
