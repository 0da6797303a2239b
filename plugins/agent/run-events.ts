/** One run as clients see it (`protocol` sections 5.1 and 5.2): growing text in measured steps, tools, and exactly one end. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Usage } from "@pincer/plugin-sdk/message";
import { agentEvent, type ChatPayload, chatEvent, type ErrorKind, shownText } from "./events.ts";
import type { AgentContext } from "./uses.ts";

export interface RunIdentity {
  readonly runId: string;
  readonly sessionKey: string;
  readonly agentId: string;
  readonly sessionId: string | undefined;
}

interface RunEventsOptions {
  readonly clock: Clock;
  readonly emit: AgentContext["emit"];
  readonly deltaMs: () => number;
  /** Epoch milliseconds at which the run was asked for. */
  readonly askedAt: number;
  /** An earlier process told of this run already. */
  readonly resumed: boolean;
}

type RunEnd =
  | { readonly state: "final"; readonly text: string; readonly stopReason: string; readonly usage?: Usage; readonly command?: boolean }
  | { readonly state: "aborted"; readonly stopReason: string; readonly errorMessage?: string }
  | { readonly state: "error"; readonly errorMessage: string; readonly errorKind: ErrorKind };

type Distribute<T> = T extends unknown ? Omit<T, "runId" | "sessionKey" | "agentId" | "seq"> : never;

export class RunEvents {
  readonly identity: RunIdentity;
  readonly startedAt: number;
  #ended = false;
  #isTold = false;
  readonly #options: RunEventsOptions;
  #agentSeq: number;
  #chatSeq: number;
  #text = "";
  #told = 0;
  #replace: boolean;
  /** A further message of the same run begins a paragraph of its own. */
  #paragraph = false;
  #itemId: string;
  #thinking = "";
  #thinkingTold = 0;
  #timer: Disposable | undefined;
  #lastFlush = Number.NEGATIVE_INFINITY;

  constructor(identity: RunIdentity, options: RunEventsOptions) {
    this.identity = identity;
    this.#options = options;
    this.startedAt = options.clock.now();
    // A run sends less than an event a millisecond: counting on from its age keeps the numbers growing over a restart.
    const base = options.resumed ? Math.max(0, this.startedAt - options.askedAt) : 0;
    this.#agentSeq = base;
    this.#chatSeq = base;
    this.#replace = options.resumed;
    this.#itemId = identity.runId;
  }

  /** Everything that the run has said so far. */
  get text(): string {
    return this.#text;
  }
  /** Whether clients know how the run ended. */
  get isTold(): boolean {
    return this.#isTold;
  }

  agent(stream: string, data: Readonly<Record<string, unknown>>, cap?: string): void {
    if (this.#ended) return;
    this.#emitAgent(stream, data, cap);
  }

  lifecycle(phase: string, data: Readonly<Record<string, unknown>> = {}): void {
    this.agent("lifecycle", { phase, ...data });
  }

  status(phase: "preparing_context"): void {
    if (this.#ended) return;
    this.#emitAgent("run_status", { phase });
    this.#emitChat({ state: "status", phase });
  }

  /** The next text belongs to another message of the run. */
  beginMessage(itemId: string): void {
    this.flush();
    this.#itemId = itemId;
    this.#paragraph = this.#text !== "";
    this.#thinking = "";
    this.#thinkingTold = 0;
  }

  /** Answers with what the run's text has grown by. */
  write(delta: string): string {
    if (this.#ended || delta === "") return "";
    const grown = this.#append(delta);
    this.#flushSoon();
    return grown;
  }

  think(delta: string): void {
    if (this.#ended || delta === "") return;
    this.#thinking += delta;
    this.#flushSoon();
  }

  /** Text that an earlier process told of. The next delta holds it all. */
  restore(text: string): string {
    if (text === "") return "";
    const grown = this.#append(text);
    this.#told = this.#text.length;
    this.#replace = true;
    return grown;
  }

  /** Takes text back, down to a length that `text` had: the model begins its message again. */
  rewind(length: number): void {
    if (length >= this.#text.length) return;
    this.#text = this.#text.slice(0, length);
    this.#paragraph = length > 0;
    if (this.#told <= length) return;
    this.#told = length;
    this.#replace = true;
  }

  flush(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (this.#ended) return;
    const delta = this.#text.slice(this.#told);
    const thinking = this.#thinking.slice(this.#thinkingTold);
    if (delta === "" && thinking === "") return;
    this.#lastFlush = this.#options.clock.monotonic();
    if (thinking !== "") {
      this.#thinkingTold = this.#thinking.length;
      this.#emitAgent("thinking", { text: this.#thinking, delta: thinking, itemId: this.#itemId });
    }
    if (delta === "") return;
    const replace = this.#replace;
    this.#replace = false;
    this.#told = this.#text.length;
    this.#emitAgent("assistant", {
      text: this.#text,
      delta: replace ? this.#text : delta,
      itemId: this.#itemId,
      ...(replace ? { replace } : {}),
    });
    this.#emitChat({
      state: "delta",
      deltaText: replace ? this.#text : delta,
      message: shownText(this.#text, this.startedAt),
      ...(replace ? { replace } : {}),
    });
  }

  /** Tells the end, once; what comes later is not told any more. */
  end(end: RunEnd): void {
    if (this.#ended) return;
    if (end.state !== "final" || end.command !== true) this.flush();
    const { clock } = this.#options;
    const endedAt = clock.now();
    const shown = this.#text === "" ? {} : { message: shownText(this.#text, endedAt) };
    if (end.state === "final") {
      const { stopReason, usage, text } = end;
      if (usage !== undefined) this.#emitAgent("usage", { outputTokens: usage.output });
      this.lifecycle("finishing", { stopReason, endedAt });
      const terminalReply = text === "" ? { disposition: "empty" } : { disposition: "visible", text };
      this.lifecycle("end", { startedAt: this.startedAt, endedAt, stopReason, aborted: false, terminalReply });
      const message = text === "" ? undefined : { ...shownText(text, endedAt), ...(end.command === true ? { command: true } : {}) };
      this.#emitChat({
        state: "final",
        stopReason,
        ...(message === undefined ? {} : { message }),
        ...(usage === undefined ? {} : { usage }),
      });
    } else if (end.state === "aborted") {
      const { stopReason, errorMessage } = end;
      this.lifecycle("end", { startedAt: this.startedAt, endedAt, status: "cancelled", aborted: true, stopReason });
      this.#emitChat({ state: "aborted", stopReason, ...shown, ...(errorMessage === undefined ? {} : { errorMessage }) });
    } else {
      const { errorMessage, errorKind } = end;
      this.lifecycle("finishing", { error: errorMessage, endedAt });
      this.lifecycle("error", { error: errorMessage, endedAt });
      this.#emitChat({ state: "error", errorMessage, errorKind, ...shown });
    }
    this.#ended = true;
    this.#isTold = true;
  }

  /** Another process goes on with the run: nothing more is told, and nothing stays behind. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#ended = true;
  }

  #append(delta: string): string {
    const grown = this.#paragraph ? `\n\n${delta}` : delta;
    this.#text += grown;
    this.#paragraph = false;
    return grown;
  }

  /** The first text at once, then at most one event in `deltaMs`. */
  #flushSoon(): void {
    if (this.#timer !== undefined) return;
    const { clock, deltaMs } = this.#options;
    const wait = this.#lastFlush + deltaMs() - clock.monotonic();
    if (wait <= 0) this.flush();
    else {
      this.#timer = clock.after(wait, () => {
        this.#timer = undefined;
        this.flush();
      });
    }
  }

  #emitAgent(stream: string, data: Readonly<Record<string, unknown>>, cap?: string): void {
    const { runId, sessionKey, agentId, sessionId } = this.identity;
    const { clock, emit } = this.#options;
    emit(
      agentEvent,
      {
        runId,
        stream,
        data: { ...data },
        seq: ++this.#agentSeq,
        ts: clock.now(),
        sessionKey,
        agentId,
        ...(sessionId === undefined ? {} : { sessionId }),
      },
      cap === undefined ? undefined : { cap },
    );
  }

  #emitChat(payload: Distribute<ChatPayload>): void {
    const { runId, sessionKey, agentId } = this.identity;
    this.#options.emit(chatEvent, { runId, sessionKey, agentId, seq: ++this.#chatSeq, ...payload } as ChatPayload);
  }
}
