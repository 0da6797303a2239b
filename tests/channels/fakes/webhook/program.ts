/**
 * A program that talks over a webhook, as `docs/channels/webhook.md` describes it to whoever writes one: it signs what it posts, posts again until it is told
 * that it arrived, and then once more, since nobody promises to deliver once; and it believes, and takes once, what is posted to it.
 */
import { createHmac } from "node:crypto";
import { systemClock } from "@pincer/plugin-sdk/system-clock";

export const SECRET = "0123456789abcdef0123456789abcdef";

export interface Answer {
  readonly id: string;
  readonly account: string;
  readonly conversation: string;
  readonly text: string;
  readonly thread?: string;
  readonly replyTo?: string;
  readonly choices?: readonly { readonly label: string; readonly text: string }[];
  readonly attachments?: readonly { readonly mimeType: string; readonly fileName?: string; readonly data: string }[];
}

export interface Program extends AsyncDisposable {
  readonly url: string;
  /** Where the gateway is from now on; undefined while it is nowhere. */
  gateway(url: string | undefined): void;
  /** What was posted to it, each once, oldest first. */
  readonly answers: readonly Answer[];
  /** Every request that brought something, also what it did not believe or had already. */
  readonly received: readonly { readonly key: string | null; readonly status: number }[];
  /** Resolves with the answer of that place. */
  answer(index: number): Promise<Answer>;
  /** Answers the next request with that, and takes nothing. */
  refuse(response: Response): void;
  /** Brings an event until it arrives, twice. Answers with its id. */
  bring(event: Readonly<Record<string, unknown>>): string;
}

interface ProgramOptions {
  readonly secret?: string;
  /** Epoch milliseconds. */
  now?(): number;
}

const hmac = (secret: string, seconds: string, body: string): string =>
  createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");

/** A request as a program makes it. */
export function signedEvent(event: unknown, { secret = SECRET, now = Date.now }: ProgramOptions = {}): RequestInit {
  const body = typeof event === "string" ? event : JSON.stringify(event);
  const seconds = String(Math.floor(now() / 1000));
  return { method: "POST", headers: { "pincer-timestamp": seconds, "pincer-signature": `v1=${hmac(secret, seconds, body)}` }, body };
}

export function startProgram({ secret = SECRET, now = Date.now }: ProgramOptions = {}): Program {
  const answers: Answer[] = [];
  const received: { key: string | null; status: number }[] = [];
  const refusals: Response[] = [];
  const seen = new Set<string>();
  const changes = new EventTarget();
  const stopped = new AbortController();
  let gateway: string | undefined;

  async function take(request: Request): Promise<Response> {
    const refusal = refusals.shift();
    if (refusal) return refusal;
    const [body, key, { headers }] = [await request.text(), request.headers.get("idempotency-key"), request];
    const seconds = headers.get("pincer-timestamp") ?? "";
    if (headers.get("pincer-signature") !== `v1=${hmac(secret, seconds, body)}`) return new Response("bad signature", { status: 401 });
    if (Math.abs(now() / 1000 - Number(seconds)) > 300) return new Response("too old", { status: 401 });
    const answer = JSON.parse(body) as Answer & { readonly type?: string };
    if (headers.get("content-type") !== "application/json" || answer.type !== "message") return new Response("no message", { status: 400 });
    if (key === null || key !== answer.id) return new Response("no key", { status: 400 });
    if (!seen.has(key)) {
      seen.add(key);
      answers.push(answer);
    }
    return new Response("ok");
  }

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      // Where the gateway is, a test knows only when both are there.
      if (new URL(request.url).pathname === "/subscribe") gateway = await request.text();
      else {
        const response = await take(request);
        received.push({ key: request.headers.get("idempotency-key"), status: response.status });
        changes.dispatchEvent(new globalThis.Event("change"));
        return response;
      }
      return new Response("ok");
    },
  });

  async function deliver(event: Readonly<Record<string, unknown>>): Promise<void> {
    for (let arrived = 0; arrived < 2 && !stopped.signal.aborted; ) {
      try {
        const response = await fetch(`${gateway}/plugins/channel-webhook/default`, {
          ...signedEvent(event, { secret, now }),
          signal: stopped.signal,
        });
        await response.arrayBuffer();
        if (response.status < 500) arrived++;
        else await systemClock.sleep(2, stopped.signal);
      } catch {
        await systemClock.sleep(2); // silent-ok: the gateway is away, or the program ends
      }
    }
  }

  return {
    url: `http://127.0.0.1:${server.port}`,
    gateway(at) {
      gateway = at;
    },
    answers,
    received,
    async answer(index) {
      while (answers.length <= index) await new Promise((resolve) => changes.addEventListener("change", resolve, { once: true }));
      return answers[index]!;
    },
    refuse: (response) => void refusals.push(response),
    bring(event) {
      const id = crypto.randomUUID();
      void deliver({ id, sentAt: Math.floor(now()), ...event });
      return id;
    },
    async [Symbol.asyncDispose]() {
      stopped.abort(new Error("the program has ended"));
      await server.stop(true);
    },
  };
}
