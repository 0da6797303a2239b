/**
 * People who write on a platform, and the model that is asked for them, both in this process, so that one clock says when each of it happened: an event
 * is given out, the model is asked, it has said its last, and the end of that is at the platform.
 */
import type { Server } from "bun";
import { type Pace, paceText, readPace } from "../pace.ts";
import { answerFrames, mark } from "../upstream.ts";
import { endOf, readEnds } from "./platform.ts";

export interface Spans {
  /** Milliseconds from the event to the model's request. */
  readonly asked: number;
  /** Milliseconds from the model's last piece to the request that carries it. */
  readonly told: number;
}

interface Question extends PromiseWithResolvers<Spans> {
  readonly said: number;
  asked: number;
  ended: number;
}

interface Asked {
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
}

const patienceMs = 60_000;

export class Talk implements AsyncDisposable {
  readonly #questions = new Map<number, Question>();
  readonly #model: Server<undefined>;
  readonly #frames: Awaited<ReturnType<typeof answerFrames>>;
  #last = 0;

  private constructor(frames: Awaited<ReturnType<typeof answerFrames>>) {
    this.#frames = frames;
    this.#model = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: (request) => this.#answer(request) });
  }

  static async start(): Promise<Talk> {
    return new Talk(await answerFrames());
  }

  /** Of the model, behind OpenAI's Chat Completions. */
  get origin(): string {
    return `http://127.0.0.1:${this.#model.port}`;
  }

  /** What arrived at the platform. */
  readonly hear = (text: string): void => {
    const now = performance.now();
    for (const number of readEnds(text)) {
      const question = this.#questions.get(number);
      this.#questions.delete(number);
      question?.resolve({ asked: question.asked - question.said, told: now - question.ended });
    }
  };

  /** Says something, and waits for the end of its answer. */
  async ask(say: (text: string) => void, pace: Pace): Promise<Spans> {
    const number = ++this.#last;
    const question = { ...Promise.withResolvers<Spans>(), said: performance.now(), asked: Number.NaN, ended: Number.NaN };
    this.#questions.set(number, question);
    const timer = setTimeout(() => question.reject(new Error(`no answer to question ${number} in ${patienceMs} ms`)), patienceMs);
    say(`ask${number}. ${paceText(pace)}`);
    try {
      return await question.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  async #answer(request: Request): Promise<Response> {
    const at = performance.now();
    if (request.method === "GET") return Response.json({ object: "list", data: [{ id: "bench", object: "model", owned_by: "bench" }] });
    const { messages } = (await request.json()) as Asked;
    const text = JSON.stringify(messages.findLast(({ role }) => role === "user")?.content ?? "");
    const number = Number(/ask(\d+)\. pace=/.exec(text)?.[1]);
    const question = this.#questions.get(number);
    if (question && Number.isNaN(question.asked)) question.asked = at;
    const body = new ReadableStream<Uint8Array>({ start: (out) => this.#write(out, number, readPace(text)) });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  async #write(out: ReadableStreamDefaultController<Uint8Array>, number: number, { firstMs, stepMs, pieces }: Pace): Promise<void> {
    const { opening, piece, end } = this.#frames;
    const encoder = new TextEncoder();
    const put = (text: string) => out.enqueue(encoder.encode(text));
    for (let index = 1; index <= pieces; index++) {
      const wait = index === 1 ? firstMs : stepMs;
      if (wait > 0) await Bun.sleep(wait);
      const isLast = index === pieces;
      // A sentence now and then, as in what people read.
      const text = piece.replace(mark, isLast ? `and ${endOf(number)}` : index % 5 === 0 ? "and so on. " : "some words ");
      const question = this.#questions.get(number);
      if (isLast && question) question.ended = performance.now();
      put(`${index === 1 ? opening : ""}${text}${isLast ? end : ""}`);
    }
    out.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#model.stop(true);
  }
}
