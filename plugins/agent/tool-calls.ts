/** The tool calls of one answer: checked, allowed, run at once, each a journalled step. What goes wrong is the model's to read and correct. */
import type { Address } from "@pincer/plugin-sdk/contracts/inbox";
import type { ToolOutcome } from "@pincer/plugin-sdk/contracts/tool";
import { errorMessage, hasCode } from "@pincer/plugin-sdk/error";
import { toolCalling } from "@pincer/plugin-sdk/hooks";
import type { Job } from "@pincer/plugin-sdk/job";
import type { ToolCallBlock, ToolResultMessage } from "@pincer/plugin-sdk/message";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import { type UntrustedSource, untrustedSource } from "@pincer/plugin-sdk/untrusted";
import { isFinal } from "./errors.ts";
import type { RunEvents } from "./run-events.ts";
import { shorten } from "./shorten.ts";
import { argumentFault, canonicalJson, type KnownTool, type ToolTable } from "./tool-table.ts";
import type { AgentContext } from "./uses.ts";

interface ToolScope {
  readonly sessionKey: string;
  readonly agentId: string;
  readonly runId: string;
  readonly workspace: string;
  readonly owner: boolean;
}

type Decision = { readonly allow: true } | { readonly allow: false; readonly reason: string };
type Content = ToolOutcome["content"];
/** What is journalled of an outcome. */
interface Result {
  readonly outcome: ToolOutcome["outcome"];
  readonly content: Content;
  /** A tool brought it from elsewhere. */
  readonly foreign?: true;
}

const text = (value: string): Content => [{ type: "text", text: value }];
const refused = (reason: string): Result => ({ outcome: "refused", content: text(reason) });
const failed = (reason: string): Result => ({ outcome: "failed", content: text(reason) });

const uncertainText =
  "The gateway stopped while this tool ran. It may or may not have taken effect, and it was not run again. Check what happened before you repeat it, and tell the user.";

const stoppedText = "The turn was stopped while this tool ran. It may or may not have taken effect.";
const unmadeText = "The call was not made: the turn was stopped before that.";

const longestProgress = 8_000;

interface ToolCallsOptions {
  readonly agent: AgentContext;
  readonly job: Pick<Job, "effect">;
  readonly run: RunEvents;
  readonly scope: () => ToolScope;
  /** Aborts when the turn is to end. */
  readonly signal: AbortSignal;
  readonly table: () => ToolTable;
  /** What stands in the conversation by now that the owner did not write. */
  readonly untrusted: () => Promise<readonly UntrustedSource[]>;
  /** Of the marks around it. */
  readonly boundary: string;
  /** Gives a result its place in the conversation. */
  readonly keep: (result: ToolResultMessage) => void;
  /** Where somebody wrote directly what the turn answers; not where a client has the answer delivered to. */
  readonly chat: () => Address | undefined;
}

export class ToolCalls {
  readonly #options: ToolCallsOptions;
  /** How often a call gave the same result, and that result. */
  readonly #seen = new Map<string, { readonly result: string; times: number }>();
  /** Ids of the calls that were made, as far as this process knows. */
  readonly #made = new Set<string>();
  /** Names of tools of which nobody can say whether they took effect. */
  readonly uncertain: string[] = [];
  /** Answers in a row of which every call was a repetition. */
  repeatedAnswers = 0;

  constructor(options: ToolCallsOptions) {
    this.#options = options;
  }

  /**
   * Results in the order of the calls. `resultChars` bounds the text of each. What is known is kept also when it throws; when the turn is over
   * with that, the conversation says of each call what became of it.
   */
  async run(calls: readonly ToolCallBlock[], resultChars: number): Promise<readonly ToolResultMessage[]> {
    const { agent, signal } = this.#options;
    const results: Result[] = new Array(calls.length);
    const repeated = calls.map((call) => this.#isRepetition(call));
    let next = 0;
    const work = async () => {
      for (let at = next++; at < calls.length; at = next++) results[at] = await this.#one(calls[at]!, repeated[at]!, resultChars);
    };
    // Also those that run beside one that failed are waited for: nothing goes on behind a turn that has ended.
    const ends = await Promise.allSettled(Array.from({ length: Math.min(calls.length, agent.config.parallelTools) }, work));
    if (isFinal(signal.reason) || hasCode(signal.reason, "AGENT_TIMEOUT"))
      calls.forEach((call, at) => {
        results[at] ??= failed(this.#made.has(call.id) ? stoppedText : unmadeText);
      });
    const messages = calls.flatMap((call, at) => (results[at] === undefined ? [] : [this.#message(call, results[at])]));
    for (const message of messages) this.#options.keep(message);
    for (const end of ends) if (end.status === "rejected") throw end.reason;
    this.repeatedAnswers = repeated.every(Boolean) ? this.repeatedAnswers + 1 : 0;
    return messages;
  }

  #message(call: ToolCallBlock, result: Result): ToolResultMessage {
    const { agent, boundary, table } = this.#options;
    this.#remember(call, result);
    const sources = [untrustedSource("tool", table().tools.get(call.name)?.name ?? call.name)];
    return {
      role: "toolResult",
      toolCallId: call.id,
      toolName: call.name,
      content: result.content,
      isError: result.outcome !== "ok",
      timestamp: agent.clock.now(),
      ...(result.foreign === true ? { untrusted: { boundary, sources } } : {}),
    };
  }

  async #one(call: ToolCallBlock, repetition: boolean, resultChars: number): Promise<Result> {
    const { job, table, run } = this.#options;
    const input = { tool: call.name, arguments: call.arguments };
    const tool = table().tools.get(call.name);
    const decision = await job.effect<Decision>(`allow:${call.id}`, input, () => this.#decide(call, tool, repetition), { replay: "safe" });
    if (!decision.allow) {
      const result = refused(decision.reason);
      this.#tell(call, "start", { args: call.arguments });
      this.#tell(call, "result", { isError: true, result: { content: result.content } });
      return result;
    }
    const attempt = () => this.#run(call, tool, resultChars);
    // A tool that only reads takes no effect that could be taken twice.
    if (tool?.record.access === "read") return job.effect<Result>(`tool:${call.id}`, input, attempt, { replay: "safe" });
    const outcome = await job.effect<Result>(`tool:${call.id}`, input, attempt);
    if (outcome.ok) return outcome.value;
    this.uncertain.push(tool?.name ?? call.name);
    this.#tell(call, "result", { isError: true, result: { content: text(uncertainText) } });
    run.flush();
    return failed(uncertainText);
  }

  async #decide(call: ToolCallBlock, tool: KnownTool | undefined, repetition: boolean): Promise<Decision> {
    const { agent, scope, signal } = this.#options;
    const deny = (reason: string): Decision => ({ allow: false, reason });
    if (tool === undefined) {
      const names = [...this.#options.table().tools.keys()];
      return deny(`There is no tool called "${call.name}". There are: ${names.join(", ") || "none"}.`);
    }
    const fault = argumentFault(tool.record, call.arguments);
    if (fault !== undefined) return deny(`The call was not made; ${fault}. Correct the arguments and call again.`);
    if (repetition) {
      return deny(
        "The call was not made: this very call has given this very result several times. Do something else, or say what is missing.",
      );
    }
    const { sessionKey, agentId, runId, owner } = scope();
    const asked = { tool: tool.name, access: tool.record.access, arguments: call.arguments, sessionKey, agentId, runId, owner };
    try {
      const verdict = await agent.run(toolCalling, asked, { signal });
      if (!verdict.allow) return deny(`The call was refused: ${verdict.reason}`);
      const policy = agent.uses.policy;
      if (policy === undefined)
        return owner ? { allow: true } : deny("Tools are for the owner's own conversations; this is not one of them.");
      const chat = this.#options.chat();
      const untrusted = [...(await this.#options.untrusted())];
      const question = { ...asked, callId: call.id, untrusted, ...(chat === undefined ? {} : { chat }) };
      const { allow, reason } = await policy.decide(question, { signal });
      return allow ? { allow: true } : deny(`The call was refused: ${reason ?? "the policy does not allow it"}`);
    } catch (error) {
      if (signal.aborted) throw error;
      agent.log.warn("tool.undecided", { tool: tool.name, runId, error: errorMessage(error) });
      return deny(`The call was refused: nobody could decide whether it may run (${errorMessage(error)}).`);
    }
  }

  async #run(call: ToolCallBlock, tool: KnownTool | undefined, resultChars: number): Promise<Result> {
    const { agent, scope, signal } = this.#options;
    signal.throwIfAborted();
    if (tool === undefined) return refused(`The tool "${call.name}" is no longer there.`);
    const { toolTimeoutMs, toolGraceMs, deltaMs } = agent.config;
    const timeoutMs = tool.record.timeoutMs ?? toolTimeoutMs;
    const { clock } = agent;
    using stop = linkSignals(signal);
    const gone = Promise.withResolvers<"gone">();
    const timers: Disposable[] = [
      clock.after(timeoutMs, () => stop.abort(new DOMException(`stopped after ${timeoutMs} ms`, "TimeoutError"))),
    ];
    // A tool that was told to stop is waited for, but not for ever.
    stop.signal.addEventListener("abort", () => timers.push(clock.after(toolGraceMs, () => gone.resolve("gone"))), { once: true });

    const startedAt = clock.monotonic();
    let progress = "";
    let toldAt = Number.NEGATIVE_INFINITY;
    let telling = false;
    const tellProgress = () => {
      telling = false;
      toldAt = clock.monotonic();
      this.#tell(call, "update", { partialResult: { content: text(progress) } });
    };
    this.#made.add(call.id);
    this.#tell(call, "start", { args: call.arguments });
    const settle = (result: Result, details?: unknown): Result => {
      const meta = { durationMs: Math.round(clock.monotonic() - startedAt) };
      const shown = { content: withoutImages(result.content), ...(details === undefined ? {} : { details }) };
      this.#tell(call, "result", { isError: result.outcome !== "ok", result: shown, meta });
      return tool.record.access === "network" ? { ...result, foreign: true } : result;
    };
    try {
      const answer = agent.uses.tools
        .get(tool.name)
        .run({ callId: call.id, arguments: call.arguments, ...scope() }, { signal: stop.signal });
      for (;;) {
        const step = await Promise.race([answer.next(), gone.promise]);
        if (step === "gone") break;
        if (step.done === true) {
          // Told to stop, it says how far it came; where another process goes on, what was cut short says nothing.
          if (hasCode(signal.reason, "LANE_RELEASED")) throw signal.reason;
          const { outcome, content, details } = step.value;
          return settle({ outcome, content: this.#bounded(content, resultChars) }, details);
        }
        progress = (progress + step.value.text).slice(-longestProgress);
        const wait = toldAt + deltaMs - clock.monotonic();
        if (wait <= 0) tellProgress();
        else if (!telling) {
          telling = true;
          timers.push(clock.after(wait, tellProgress));
        }
      }
    } catch (error) {
      if (signal.aborted) throw error;
      if (hasCode(error, "CAPABILITY_MISSING")) return settle(refused(`The tool "${call.name}" is no longer there.`));
      if (!stop.signal.aborted) {
        agent.log.warn("tool.failed", { tool: tool.name, runId: scope().runId, error: errorMessage(error) });
        return settle(failed(`The tool failed: ${errorMessage(error)}`));
      }
    } finally {
      for (const timer of timers) timer[Symbol.dispose]();
    }
    signal.throwIfAborted();
    const last = progress === "" ? "" : `\nIts last output:\n${progress}`;
    return settle(failed(shorten(`The tool was stopped: it did not finish within ${timeoutMs / 1000} s.${last}`, resultChars)));
  }

  /** All texts of a result together have so many characters, and all pictures so many bytes as those of a message. */
  #bounded(content: Content, resultChars: number): Content {
    const { imageBytes, attachmentBytes } = this.#options.agent.config;
    let chars = resultChars;
    let bytes = attachmentBytes;
    let left = 0;
    const bounded = content.flatMap((block): Content => {
      if (block.type === "image") {
        const size = block.data.length * 0.75;
        if (size > Math.min(imageBytes, bytes)) return text(`[an image of ${block.mimeType}, too large to look at]`);
        bytes -= size;
        return [block];
      }
      const most = chars;
      chars -= block.text.length;
      if (most > 0) return [{ ...block, text: shorten(block.text, most) }];
      left++;
      return [];
    });
    return left === 0 ? bounded : [...bounded, ...text(`[… ${left} more texts of the result left out …]`)];
  }

  #key = (call: ToolCallBlock) => `${call.name} ${canonicalJson(call.arguments)}`;

  #isRepetition(call: ToolCallBlock): boolean {
    return (this.#seen.get(this.#key(call))?.times ?? 0) >= this.#options.agent.config.maxRepeatedCalls;
  }

  #remember(call: ToolCallBlock, { content }: Result): void {
    const key = this.#key(call);
    const known = this.#seen.get(key);
    if (known !== undefined && known.times >= this.#options.agent.config.maxRepeatedCalls) return;
    const result = Bun.hash(JSON.stringify(content)).toString(36);
    if (known?.result === result) known.times++;
    else this.#seen.set(key, { result, times: 1 });
  }

  #tell(call: ToolCallBlock, phase: "start" | "update" | "result", data: Readonly<Record<string, unknown>>): void {
    const { run } = this.#options;
    if (phase === "start") run.flush();
    run.agent("tool", { phase, name: call.name, toolCallId: call.id, ...data }, "tool-events");
  }
}

const withoutImages = (content: Content) =>
  content.map((block) =>
    block.type === "text"
      ? block
      : { type: block.type, mimeType: block.mimeType, omitted: true, bytes: Math.floor(block.data.length * 0.75) },
  );
