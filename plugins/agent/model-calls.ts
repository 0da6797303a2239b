/**
 * The model calls of a turn: the context made to fit, the answer streamed to clients and, in pieces, to a channel.
 * A call may be repeated until something of its answer has gone out to a channel; from then on it is only continued.
 */
import type { LlmRequest } from "@pincer/plugin-sdk/contracts/llm";
import type { ModelAnswer, ModelInfo, Thinking } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage, hasCode } from "@pincer/plugin-sdk/error";
import type { Job } from "@pincer/plugin-sdk/job";
import type { AssistantMessage, Message } from "@pincer/plugin-sdk/message";
import { textTokens } from "@pincer/plugin-sdk/provider/estimate";
import { readableBy } from "@pincer/plugin-sdk/provider/readable";
import type { BlockReplies } from "./block-replies.ts";
import { compact } from "./compaction.ts";
import { requestMessages, requestTokens, tokenLimit, type WindowLimits } from "./context-window.ts";
import { InertAnswer, inertAnswer } from "./inert-answer.ts";
import { noUsage, retryDelay, streamAnswer } from "./model-stream.ts";
import type { RunEvents } from "./run-events.ts";
import type { ToolTable } from "./tool-table.ts";
import type { Transcript } from "./transcript.ts";
import { type RenderedMessages, resultForModel } from "./user-message.ts";
import type { AgentContext } from "./uses.ts";

interface ModelCallsOptions {
  readonly agent: AgentContext;
  readonly job: Pick<Job, "effect" | "resumed">;
  readonly run: RunEvents;
  readonly blocks: BlockReplies;
  readonly transcript: Transcript;
  readonly signal: AbortSignal;
  readonly model: ModelInfo;
  /** As in a request to `llm`. */
  readonly within: readonly string[] | undefined;
  readonly thinking: Thinking;
  readonly system: LlmRequest["system"];
  readonly table: ToolTable;
  readonly owner: boolean;
  /** For whom it is. */
  readonly user: string | undefined;
  readonly rendered: RenderedMessages;
  /** Whether clients are told of phases (`chat.*` asked for the run). */
  readonly phases: boolean;
}

/** Who answers in a turn. */
export interface Answering {
  ask(call: number): Promise<CallAnswer>;
  /** What one text of a tool's result may have, so that all results of an answer leave room for the next. */
  resultChars(calls: number): number;
}

/** A call's answer. `cut`: it began in an earlier process, and the model cannot continue what was sent already. */
export type CallAnswer = ModelAnswer & { readonly cut?: boolean };

export class ModelCalls implements Answering {
  readonly #options: ModelCallsOptions;
  readonly #limits: WindowLimits;
  /** Ids of the entries whose images the model is not shown: it does not take one of them. */
  readonly #unseen = new Set<string>();

  constructor(options: ModelCallsOptions) {
    this.#options = options;
    const { model, agent, system, table } = options;
    const overhead = textTokens(system.map(({ text }) => text).join("")) + table.tokens;
    this.#limits = { window: model.contextWindow ?? agent.config.contextTokens, overhead, settings: agent.config };
  }

  get window(): number {
    return this.#limits.window;
  }

  resultChars(calls: number): number {
    return Math.min(this.#options.agent.config.toolResultChars, Math.max(500, Math.floor((this.window * 3.6 * 0.3) / calls)));
  }

  /** The attempts of one call. */
  async ask(call: number): Promise<CallAnswer> {
    const { agent, job, run, blocks, transcript, signal, model } = this.#options;
    await transcript.items(job.resumed);
    signal.throwIfAborted();
    await this.#makeRoom(call);

    const begin = run.text.length;
    const sentBefore = this.#sentOf(begin);
    if (sentBefore !== "") {
      blocks.write(run.restore(sentBefore));
      if (model.continues !== true) return cutAnswer(model, sentBefore, agent.clock.now());
    }
    let overflowed = false;
    for (let attempt = 0; ; attempt++) {
      const partial = run.text.slice(begin).replace(/^\n\n/, "");
      const inert = (await transcript.untrusted(job.resumed)).length === 0 ? undefined : new InertAnswer();
      const write = (text: string) => text !== "" && blocks.write(run.write(text));
      const given = await streamAnswer(agent, await this.#request(partial), signal, (event) => {
        if (event.type === "text") write(inert === undefined ? event.delta : inert.push(event.delta));
        else if (event.type === "thinking") run.think(event.delta);
      });
      if (inert !== undefined) write(inert.end());
      const answer = inert === undefined ? given : { ...given, message: inertAnswer(given.message) };
      const whole = partial === "" ? answer : { ...answer, message: behind(partial, answer.message) };
      if (answer.failure?.class === "context-overflow" && !overflowed && run.text.length === begin) {
        overflowed = true;
        if (await compact(this.#compaction(), `${call}:overflow`, 0)) continue;
      }
      if (answer.failure?.class === "image" && run.text.length === begin && (await this.#showFewerImages())) continue;
      const delay = retryDelay(answer.failure, attempt, agent.config);
      if (delay === undefined) return whole;
      agent.log.warn("model.retried", { model: model.ref, runId: run.identity.runId, attempt, class: answer.failure?.class, delay });
      if (this.#sentOf(begin) === "") {
        blocks.rewind(run.text.length - begin);
        run.rewind(begin);
      } else if (model.continues !== true) return whole;
      await agent.clock.sleep(delay, signal);
    }
  }

  /**
   * One image that the model refuses must not end the conversation: it is asked again without those of earlier turns, and then without any.
   * Answers whether that leaves out more than before.
   */
  async #showFewerImages(): Promise<boolean> {
    const { transcript, job } = this.#options;
    const items = await transcript.items(job.resumed);
    const newest = items.findLastIndex(({ message }) => message.role === "user");
    for (const end of [newest, items.length]) {
      const more = items.slice(0, end).filter(({ id, message }) => hasImage(message) && !this.#unseen.has(id));
      for (const { id } of more) this.#unseen.add(id);
      if (more.length > 0) return true;
    }
    return false;
  }

  /** What of the message that begins at this length of the run's text has gone out to a channel. */
  #sentOf(begin: number): string {
    return this.#options.blocks.sent.slice(begin).replace(/^\n\n/, "");
  }

  /** Compacts a conversation that is about to fill the window. When that fails, the call is made as long as it may still fit. */
  async #makeRoom(call: number): Promise<void> {
    const { agent, job, run, transcript, signal, phases } = this.#options;
    const tokens = requestTokens(await transcript.items(job.resumed), this.#limits);
    if (tokens <= tokenLimit(this.#limits)) return;
    if (phases) run.status("preparing_context");
    try {
      await compact(this.#compaction(), `${call}`, Math.floor(this.window * agent.config.keepShare));
    } catch (error) {
      if (signal.aborted || !hasCode(error, "AGENT_COMPACTION") || tokens > this.window) throw error;
      agent.log.warn("compaction.failed", { runId: run.identity.runId, tokens, window: this.window, error: errorMessage(error) });
    }
  }

  #compaction() {
    const { agent, job, run, transcript, signal, model, within, rendered, user } = this.#options;
    const { sessionKey, agentId, runId } = run.identity;
    return {
      agent,
      job,
      transcript,
      model,
      within,
      window: this.window,
      sessionKey,
      agentId,
      runId,
      user,
      resumed: job.resumed,
      signal,
      stamp: rendered.stamp,
    };
  }

  async #request(partial: string): Promise<LlmRequest> {
    const { job, run, transcript, model, within, thinking, system, table, owner, user, rendered, agent } = this.#options;
    const { sessionKey, agentId, runId } = run.identity;
    const items = await transcript.items(job.resumed);
    const unseen = new Set(items.flatMap(({ id, message }) => (this.#unseen.has(id) ? [message] : [])));
    const render = (message: Message): Message => {
      const shown =
        message.role === "user"
          ? rendered.of(message, owner)
          : message.role === "toolResult"
            ? resultForModel(message)
            : withoutSelection(message);
      return readableBy(shown, unseen.has(message) ? { ...model, vision: false } : model);
    };
    const messages = requestMessages(items, this.#limits, render);
    const unfinished: readonly Message[] =
      partial === "" ? [] : [{ role: "assistant", content: [{ type: "text", text: partial }], timestamp: agent.clock.now() }];
    return {
      model: model.ref,
      ...(within === undefined ? {} : { within: [...within] }),
      agentId,
      sessionKey,
      runId,
      ...(user === undefined ? {} : { user }),
      system,
      messages: [...messages, ...unfinished],
      tools: model.tools ? [...table.specs] : [],
      thinking: model.reasoning ? thinking : "off",
      cacheKey: Bun.hash(sessionKey).toString(36),
    };
  }

  /** Tokens that the conversation has with this answer, for people to see. */
  async contextTokens(): Promise<number> {
    return requestTokens(await this.#options.transcript.items(this.#options.job.resumed), this.#limits);
  }
}

const hasImage = ({ role, content }: Message) =>
  role !== "assistant" && typeof content !== "string" && content.some(({ type }) => type === "image");

/** Why a model was asked is none of the next one's business. */
function withoutSelection(message: Message): Message {
  if (message.role !== "assistant" || message.selection === undefined) return message;
  const { selection: _, ...rest } = message;
  return rest;
}

/** The text that was there before, and behind it what came. */
function behind(partial: string, message: AssistantMessage): AssistantMessage {
  const first = message.content.findIndex(({ type }) => type === "text");
  if (first === -1) return { ...message, content: [{ type: "text", text: partial }, ...message.content] };
  const content = message.content.map((block, index) =>
    index === first && block.type === "text" ? { ...block, text: partial + block.text } : block,
  );
  return { ...message, content };
}

const cutAnswer = (model: ModelInfo, text: string, timestamp: number): CallAnswer => ({
  message: {
    role: "assistant",
    content: [{ type: "text", text }],
    timestamp,
    provider: model.endpoint,
    model: model.id,
    stopReason: "aborted",
  },
  stopReason: "aborted",
  usage: noUsage,
  cut: true,
});
