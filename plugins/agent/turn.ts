/**
 * A turn: messages in, model calls and tools until there is an answer, the answer out. A durable function: run again after a crash it takes
 * every settled step from its journal, writes nothing to the transcript twice, and goes on where it was.
 */
import type { ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import type { AgentInfo } from "@pincer/plugin-sdk/contracts/router";
import type { Session } from "@pincer/plugin-sdk/contracts/sessions";
import type { SkillCalled } from "@pincer/plugin-sdk/contracts/skill-commands";
import { promptBuilding, replyReady, turnStarting } from "@pincer/plugin-sdk/hooks";
import type { Job } from "@pincer/plugin-sdk/job";
import type { AssistantMessage, ToolCallBlock, Usage } from "@pincer/plugin-sdk/message";
import type { Selection } from "@pincer/plugin-sdk/selection";
import { newBoundary } from "@pincer/plugin-sdk/untrusted";
import type { AgentFiles } from "./agent-files.ts";
import { BlockReplies } from "./block-replies.ts";
import { calledSkill } from "./called-skill.ts";
import { commandsDone } from "./commands-about.ts";
import type { ContextCache } from "./context-cache.ts";
import { agentErrors } from "./errors.ts";
import type { ErrorKind } from "./events.ts";
import { type Answering, type CallAnswer, ModelCalls } from "./model-calls.ts";
import { type ModelChoice, ModelChooser } from "./model-choice.ts";
import { addUsage, answerText, errorKind, failureText, noUsage } from "./model-stream.ts";
import { promptSections, systemPrompt } from "./prompt.ts";
import { readAttachments } from "./read-attachments.ts";
import { Replies } from "./replies.ts";
import type { RunEvents } from "./run-events.ts";
import { chosenModel, modelFacets, thinkingLevel } from "./session-facets.ts";
import { ToolCalls } from "./tool-calls.ts";
import { areToolsOffered } from "./tool-offer.ts";
import { encodeToolName, noTools, type ToolTable, type ToolTables } from "./tool-table.ts";
import { Transcript } from "./transcript.ts";
import { entryIds, type TurnInput } from "./turn-input.ts";
import { type RenderedMessages, userMessage } from "./user-message.ts";
import type { AgentContext } from "./uses.ts";

/** What all turns share. */
export interface TurnParts {
  readonly agent: AgentContext;
  readonly files: AgentFiles;
  readonly contexts: ContextCache;
  readonly tables: ToolTables;
  readonly rendered: RenderedMessages;
}

/** How the model's part of a turn ended. */
export type TurnEnd =
  | { readonly ok: true; readonly stopReason: string }
  | {
      readonly ok: false;
      readonly kind: ErrorKind;
      readonly message: string;
      readonly stopReason: string;
      /** The code of whoever did not let a model be called. */
      readonly refusal?: string | undefined;
    };

interface TurnOptions extends TurnParts {
  readonly job: Job<TurnInput>;
  readonly run: RunEvents;
  readonly session: Session;
  /** Aborts when the turn is to end. */
  readonly signal: AbortSignal;
  /** Told of all runs whose messages this one has taken over. */
  readonly onAbsorbed: (runIds: readonly string[]) => void;
}

interface Prepared {
  readonly info: Pick<AgentInfo, "id" | "workspace">;
  readonly calls: Answering;
  /** Who goes on with what was said into the turn, where another model has to. */
  readonly onSteered: (inputs: readonly TurnInput[]) => Promise<Answering | undefined>;
}

const mostRepeatedAnswers = 3;

export class Turn {
  readonly #options: TurnOptions;
  readonly transcript: Transcript;
  readonly replies: Replies;
  readonly blocks: BlockReplies;
  /** Runs whose messages this one answers too. */
  readonly absorbed: TurnInput[] = [];
  usage: Usage = noUsage;
  model: ModelInfo | undefined;
  #chosen: string | undefined;
  #calls: ModelCalls | undefined;
  #table: ToolTable = noTools;
  #skill: SkillCalled | null = null;
  /** Of the model that answers next, until an entry of the transcript holds it. */
  #selection: Selection | undefined;
  #owner: boolean;
  /** How long the run's text was when the message that is being written began; behind everything when none is. */
  #begin = 0;
  readonly #callIds = new Set<string>();
  /** Sentences about attachments that could not be read, which whoever sent them is told. */
  readonly #unread: string[] = [];
  #takes = 0;

  constructor(options: TurnOptions) {
    this.#options = options;
    const { agent, job, session } = options;
    const { input } = job;
    this.#owner = input.owner && session.owner;
    this.transcript = new Transcript(agent.uses.sessions, options.contexts, session.key, { signal: agent.signal });
    this.replies = new Replies({ agent, job, runId: input.runId, sessionKey: session.key });
    this.replies.add(input.replyTo, 0);
    this.blocks = new BlockReplies({
      job,
      clock: agent.clock,
      limits: () => agent.config,
      keyOf: (name) => this.replies.keyOf(name),
      admission: (name, text, growth) => this.replies.piece(name, text, growth),
    });
  }

  /** Runs until there is an answer. What is thrown is a fault, or the signal's reason. */
  async answer(): Promise<TurnEnd> {
    const { agent, job, run, session, signal } = this.#options;
    const { input } = job;
    const read = await this.#append(input);
    const starting = { sessionKey: session.key, agentId: input.agentId, runId: input.runId, owner: input.owner };
    const verdict = await job.effect("starting", null, () => agent.run(turnStarting, starting, { signal }), { replay: "safe" });
    if (!verdict.allow) throw agentErrors.AGENT_REFUSED(verdict.reason);
    const others = await this.#absorb(await this.#take());
    const prepared = await this.#prepare([read, ...others]).catch((error: unknown) => this.#withoutModel(error));
    const { calls, info } = prepared;
    const tools = new ToolCalls({
      agent,
      job,
      run,
      scope: () => ({ sessionKey: session.key, agentId: info.id, runId: input.runId, workspace: info.workspace, owner: this.#owner }),
      signal,
      table: () => this.#table,
      untrusted: () => this.transcript.untrusted(job.resumed),
      boundary: input.boundary ?? newBoundary(),
      keep: (message) =>
        this.transcript.append({ id: entryIds.result(input.runId, message.toolCallId), kind: "message", message, runId: input.runId }),
      chat: () => [input, ...this.absorbed].findLast(({ sender, group }) => sender !== undefined && group !== true)?.replyTo?.address,
    });
    if (this.#skill?.dispatch !== undefined && this.#calls !== undefined) return this.#dispatch(this.#skill.dispatch, calls, tools);
    return this.#converse(prepared, tools);
  }

  /** What is said before the model is asked, and which one that is. */
  async #prepare(said: readonly TurnInput[]): Promise<Prepared> {
    const { agent, job, run, session, signal } = this.#options;
    const { input } = job;
    if (!signal.aborted) this.replies.showTyping();
    if (!this.replies.isEmpty) {
      if (job.resumed) await this.blocks.replay();
      if (agent.config.blockReplies) this.blocks.begin(await this.replies.streaming());
    }

    const info = await agent.uses.router.agent({ agentId: input.agentId, workspace: true }, { signal });
    this.#skill = await calledSkill(agent, job, input, this.#owner, signal);
    this.#chosen = chosenModel(session);
    const { model: named, thinking } = input;
    const onSelection = (selection: Selection) => {
      this.#selection = selection;
      if (selection.refused !== undefined) run.lifecycle("selection", { selection });
    };
    const chooser = new ModelChooser({ agent, job, info, session, named, thinking, signal, onSelection });
    const asked = (inputs: readonly TurnInput[]) => ({
      name: `select:${this.#takes}`,
      inputs,
      items: () => this.transcript.items(job.resumed),
    });
    return {
      info,
      calls: await this.#goTo(info, await chooser.choose(asked(said))),
      onSteered: async (inputs) => {
        const choice = await chooser.again(asked(inputs));
        return choice && this.#goTo(info, choice);
      },
    };
  }

  /**
   * A turn that went on after a crash, and cannot be prepared any more or is told to end, comes to what its journal holds all the same: what
   * was answered and done has its place in the conversation. Behind that it ends.
   */
  #withoutModel(error: unknown): Prepared {
    const { job } = this.#options;
    if (!job.resumed) throw error;
    const calls: Answering = { ask: () => Promise.reject(error), resultChars: () => 0 };
    return { info: { id: job.input.agentId, workspace: "" }, calls, onSteered: async () => undefined };
  }

  /** From here on that model answers. */
  async #goTo(info: AgentInfo, { model, within, selection }: ModelChoice): Promise<ModelCalls> {
    this.model = model;
    const told = selection === undefined ? {} : { selection };
    this.#options.run.lifecycle("model", { provider: model.endpoint, model: model.id, ...told });
    const table = await this.#tools(info, model);
    this.#table = table;
    this.#calls = await this.#modelCalls(info, model, table, within);
    return this.#calls;
  }

  /** What was said of the message that is being written, and is in no entry yet. What a channel has shown was read there, and stays said. */
  get #unkept(): string {
    const unkept = (text: string) => text.slice(this.#begin).replace(/^\n\n/, "");
    const [written, shown] = [unkept(this.#options.run.text), unkept(this.blocks.shown)];
    return written.startsWith(shown) ? written : shown;
  }

  /** Keeps an unfinished message, so that people and the model see what was said. */
  keepUnfinished(stopReason: "aborted" | "error", errorMessage?: string): void {
    const { agent } = this.#options;
    const text = this.#unkept;
    if (text === "" && errorMessage === undefined) return;
    const model = this.model === undefined ? {} : { provider: this.model.endpoint, model: this.model.id };
    this.#keep(stopReason, {
      role: "assistant",
      content: text === "" ? [] : [{ type: "text", text }],
      timestamp: agent.clock.now(),
      ...model,
      stopReason,
      ...(errorMessage === undefined ? {} : { errorMessage }),
    });
  }

  /** What the session's row shows of this turn. */
  async facets(end: { readonly error?: string }): Promise<void> {
    const { agent, job, session } = this.#options;
    const { usage, model } = this;
    const asked = usage.totalTokens > 0;
    const context = asked && this.#calls !== undefined ? await this.#calls.contextTokens() : undefined;
    await agent.uses.sessions.patch(
      {
        key: session.key,
        facets: {
          lastRunId: job.input.runId,
          lastRunError: end.error ?? null,
          ...(model === undefined ? {} : modelFacets(model, this.#chosen)),
          ...(this.#calls === undefined ? {} : { contextTokens: this.#calls.window }),
          ...(context === undefined ? {} : { totalTokens: context, totalTokensFresh: true }),
        },
        ...(asked
          ? {
              add: {
                inputTokens: usage.input + usage.cacheRead + usage.cacheWrite,
                outputTokens: usage.output,
                estimatedCostUsd: usage.cost ?? 0,
              },
            }
          : {}),
      },
      { signal: agent.signal },
    );
  }

  /** A skill's command that a tool answers. */
  async #dispatch({ tool, arguments: args }: NonNullable<SkillCalled["dispatch"]>, calls: Answering, tools: ToolCalls): Promise<TurnEnd> {
    const { agent, job } = this.#options;
    const { runId } = job.input;
    const asked: ToolCallBlock = {
      type: "toolCall",
      id: `skill_${Bun.hash(runId).toString(36)}`,
      name: encodeToolName(tool),
      arguments: this.#declared(tool, args),
    };
    const told = { role: "assistant", timestamp: agent.clock.now() } as const;
    this.#keep("skill", { ...told, content: [asked], stopReason: "toolUse" });
    const results = await tools.run([asked], calls.resultChars(1));
    const text = results.flatMap(({ content }) => content.flatMap((block) => (block.type === "text" ? [block.text] : []))).join("\n");
    let message: AssistantMessage = { ...told, content: [], stopReason: "stop" };
    for (const notice of [text === "" ? "It answered nothing." : text, ...uncertainNotices(tools)]) message = this.#say(message, notice);
    this.#keep("skill:answer", message);
    return { ok: true, stopReason: "stop" };
  }

  /** What of these the tool knows at all. */
  #declared(tool: string, args: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const parameters = this.#table.tools.get(encodeToolName(tool))?.record.parameters as { properties?: object } | undefined;
    return Object.fromEntries(Object.entries(args).filter(([name]) => Object.hasOwn(parameters?.properties ?? {}, name)));
  }

  async #converse(prepared: Prepared, tools: ToolCalls): Promise<TurnEnd> {
    const { agent, job, run, signal } = this.#options;
    let { calls, onSteered } = prepared;
    for (let call = 1; ; call++) {
      this.#begin = run.text.length;
      const answer = await this.#ask(call, calls);
      this.usage = addUsage(this.usage, answer.usage);
      if (answer.failure !== undefined) {
        const message = failureText(answer.failure);
        this.keepUnfinished("error", message);
        return { ok: false, kind: errorKind(answer.failure.class), message, stopReason: answer.stopReason };
      }
      const message = withUniqueCalls(answer.message, `${job.input.runId}:${call}`, this.#callIds);
      const asked = message.content.filter((block): block is ToolCallBlock => block.type === "toolCall");
      const goesOn = asked.length > 0 && (answer.stopReason === "toolUse" || answer.stopReason === "stop");
      if (!goesOn) return this.#finish(call, answer, message, tools);

      this.#keep(`${call}`, message);
      await tools.run(asked, calls.resultChars(asked.length));
      // A job that is told to end says so at its first step that an earlier process had not settled.
      if (!job.signal.aborted) signal.throwIfAborted();
      if (tools.repeatedAnswers >= mostRepeatedAnswers)
        return this.#stop(call, "the model kept asking for the same tool calls without getting any further", tools);
      if (call >= agent.config.maxModelCalls)
        return this.#stop(call, `${call} model calls were made, which is the limit for one turn (maxModelCalls)`, tools);
      const steered = await this.#absorb(await this.#take());
      const others = await onSteered(steered).catch((error: unknown) => this.#withoutModel(error).calls);
      calls = others ?? calls;
    }
  }

  /** Asks, or takes the answer from the journal. */
  async #ask(call: number, calls: Answering): Promise<CallAnswer> {
    const { job, run } = this.#options;
    run.beginMessage(`${run.identity.runId}:${call}`);
    let asked = false;
    const ask = () => {
      asked = true;
      return calls.ask(call);
    };
    const answer = await job.effect<CallAnswer>(`model:${call}`, { call }, ask, { replay: "safe" });
    if (!asked) this.blocks.write(run.restore(answerText(answer.message)));
    run.flush();
    return answer;
  }

  /** The answer is there: what must be said with it is said, and it is kept. */
  async #finish(call: number, answer: CallAnswer, given: AssistantMessage, tools: ToolCalls): Promise<TurnEnd> {
    const { agent, job, run, session } = this.#options;
    // Calls behind a refusal or a full answer do not run, and a call without a result must not stay.
    let message: AssistantMessage = { ...given, content: given.content.filter(({ type }) => type !== "toolCall") };
    const { runId, agentId } = job.input;
    const { message: ready } = await agent.run(replyReady, { sessionKey: session.key, agentId, runId, message });
    const isChanged = ready.role === "assistant" && answerText(ready) !== answerText(message);
    // What has gone out cannot be changed any more.
    if (ready.role === "assistant" && (!isChanged || this.blocks.sent.length <= this.#begin)) message = ready;
    if (isChanged && message === ready) {
      this.blocks.rewind(run.text.length - this.#begin);
      run.rewind(this.#begin);
      this.blocks.write(run.write(answerText(message)));
    }
    const notices = this.#notices(answer, tools);
    if (run.text === "" && notices.length === 0) notices.push("The model ended without an answer.");
    for (const notice of notices) message = this.#say(message, notice);
    this.#keep(`${call}`, message);
    if (answer.stopReason === "refusal")
      return { ok: false, kind: "refusal", message: "The model refused to answer.", stopReason: "refusal" };
    return { ok: true, stopReason: answer.stopReason };
  }

  #stop(call: number, why: string, tools: ToolCalls): TurnEnd {
    const { agent } = this.#options;
    let message: AssistantMessage = { role: "assistant", content: [], timestamp: agent.clock.now(), stopReason: "stop" };
    for (const notice of [`I stopped here: ${why}.`, ...uncertainNotices(tools)]) message = this.#say(message, notice);
    this.#keep(`${call}:stopped`, message);
    return { ok: true, stopReason: "stop" };
  }

  #notices({ stopReason, cut }: CallAnswer, tools: ToolCalls): string[] {
    return [
      ...this.#unread,
      ...(stopReason === "length" ? ["The answer ends here because it reached the model's limit for one answer."] : []),
      ...(cut === true
        ? ["The gateway was restarted while this was being written, and the model cannot continue it. Ask again for the rest."]
        : []),
      ...uncertainNotices(tools),
    ];
  }

  #say(message: AssistantMessage, notice: string): AssistantMessage {
    const { run } = this.#options;
    const text = run.text === "" ? notice : `\n\n${notice}`;
    this.blocks.write(run.write(text));
    return { ...message, content: [...message.content, { type: "text", text }] };
  }

  #keep(name: string, message: AssistantMessage): void {
    const { runId } = this.#options.job.input;
    const kept = this.#selection === undefined ? message : { ...message, selection: this.#selection };
    this.#selection = undefined;
    this.transcript.append({ id: entryIds.answer(runId, name), kind: "message", message: kept, runId });
    this.#begin = Number.POSITIVE_INFINITY;
  }

  /** Returns it with its attachments as the model reads them, which is also what decides about the model. */
  async #append(sent: TurnInput): Promise<TurnInput> {
    const { agent, job, signal } = this.#options;
    const { input, notes } = await readAttachments(agent, job, sent, signal);
    this.#unread.push(...notes);
    this.transcript.append({
      id: entryIds.user(input.runId),
      kind: "message",
      message: userMessage(input, agent.config, notes),
      runId: input.runId,
    });
    return input;
  }

  /** Takes over what waits: at the start, and behind each call's tools. */
  async #take(): Promise<readonly TurnInput[]> {
    const { agent, job, session, signal } = this.#options;
    const place = this.#takes++;
    await commandsDone(agent, { sessionKey: session.key, order: job.order, signal }, "behind");
    const taken = place === 0 ? job.take<TurnInput>("start", ["collect", "steer"]) : job.take<TurnInput>(`steer:${place}`);
    return (await taken).map(({ input }) => input);
  }

  async #absorb(taken: readonly TurnInput[]): Promise<readonly TurnInput[]> {
    const read: TurnInput[] = [];
    for (const input of taken) {
      this.absorbed.push(input);
      read.push(await this.#append(input));
      this.replies.add(input.replyTo, this.#options.run.text.length);
      // Somebody with fewer rights who has a say in a turn takes them from it.
      this.#owner &&= input.owner;
    }
    if (taken.length > 0) this.#options.onAbsorbed(this.absorbed.map(({ runId }) => runId));
    return read;
  }

  async #tools(info: AgentInfo, model: ModelInfo): Promise<ToolTable> {
    const { agent, session, signal } = this.#options;
    const where = { sessionKey: session.key, agentId: info.id, owner: this.#owner };
    const some = model.tools && (await areToolsOffered(agent, where, signal));
    const table = this.#options.tables.of(some ? agent.uses.tools.list() : [], info.tools);
    if (table.collisions.length > 0) agent.log.warn("tools.collide", { agentId: info.id, tools: table.collisions });
    return table;
  }

  async #modelCalls(info: AgentInfo, model: ModelInfo, table: ToolTable, within: readonly string[] | undefined): Promise<ModelCalls> {
    const { agent, job, run, session, signal, files, rendered } = this.#options;
    const { input } = job;
    const owner = this.#owner;
    const read = await files.read(info.workspace, owner, agent.config);
    const sections = promptSections({ agent: info, files: read, hasTools: table.specs.length > 0, owner });
    const built = await agent.run(promptBuilding, {
      sessionKey: session.key,
      agentId: info.id,
      runId: input.runId,
      sections: [...sections],
      said: [input, ...this.absorbed].map(({ text }) => text).join("\n\n"),
      tools: [...table.tools.values()].map(({ name }) => name),
    });
    const called = this.#skill?.instructions === undefined ? [] : [{ id: "skill", text: this.#skill.instructions, turn: true }];
    return new ModelCalls({
      agent,
      job,
      run,
      blocks: this.blocks,
      transcript: this.transcript,
      signal,
      model,
      within,
      thinking:
        input.thinking ??
        thinkingLevel(session.facets.thinkingLevel) ??
        thinkingLevel(info.thinking) ??
        model.thinkingDefault ??
        agent.config.thinking,
      system: systemPrompt([...built.sections, ...called], input.extraSystemPrompt),
      table,
      owner: session.owner,
      user: input.user,
      rendered,
      phases: input.chat === true,
    });
  }
}

const uncertainNotices = ({ uncertain }: ToolCalls): string[] =>
  uncertain.length === 0
    ? []
    : [`The gateway stopped while ${uncertain.join(", ")} ran: it may or may not have taken effect, and was not run again.`];

/** Some vendors count their calls from zero in every answer; a journal and a transcript need names that are used once. */
function withUniqueCalls(message: AssistantMessage, name: string, seen: Set<string>): AssistantMessage {
  const content = message.content.map((block, index) => {
    if (block.type !== "toolCall") return block;
    const keeps = block.id.length >= 12 && block.id.length <= 200 && !seen.has(block.id);
    const id = keeps ? block.id : `call_${Bun.hash(name).toString(36)}_${index}`;
    seen.add(id);
    return keeps ? block : { ...block, id };
  });
  return { ...message, content };
}
