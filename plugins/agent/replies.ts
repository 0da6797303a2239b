/** Where a run's answer goes besides the transcript: the conversations of channels that its messages came from. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { OutboundMessage, outbox, Streaming } from "@pincer/plugin-sdk/contracts/outbox";
import type { TurnRequest } from "@pincer/plugin-sdk/contracts/turn";
import type { Admission, Job } from "@pincer/plugin-sdk/job";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import type { AgentContext } from "./uses.ts";

type ReplyTo = NonNullable<TurnRequest["replyTo"]>;

const sameConversation = (a: ReplyTo["address"], b: ReplyTo["address"]) =>
  a.channel === b.channel && a.account === b.account && a.conversation === b.conversation && a.thread === b.thread;

/** Whose place a message takes, and whether more of it is coming. */
type Growth = Pick<OutboundMessage, "edits" | "growing">;

interface RepliesOptions {
  readonly agent: AgentContext;
  readonly job: Pick<Job, "send">;
  readonly runId: string;
  readonly sessionKey: string;
}

export class Replies {
  readonly #options: RepliesOptions;
  /** The first is the one that is written to while the answer grows. */
  readonly #targets: { readonly replyTo: ReplyTo; readonly from: number }[] = [];
  #typing: ReturnType<typeof linkSignals> | undefined;

  constructor(options: RepliesOptions) {
    this.#options = options;
  }

  /** `from`: how long the run's text was when a message from there joined it. */
  add(replyTo: ReplyTo | undefined, from: number): void {
    if (replyTo === undefined || this.#options.agent.uses.outbox === undefined) return;
    if (this.#targets.every((target) => !sameConversation(target.replyTo.address, replyTo.address))) this.#targets.push({ replyTo, from });
  }

  get isEmpty(): boolean {
    return this.#targets.length === 0;
  }

  /** How the first conversation is shown an answer that grows. */
  async streaming(): Promise<Streaming> {
    const target = this.#targets[0];
    if (target === undefined) return { mode: "off" };
    return this.#outbox().streaming({ address: target.replyTo.address }, { signal: this.#options.agent.signal });
  }

  /** The key under which a piece of that name goes out. */
  keyOf(name: string): string {
    return `${this.#options.runId}:${name}`;
  }

  /** The admission of a piece for the first conversation. */
  piece(name: string, text: string, growth: Growth = {}): Promise<Admission> {
    return this.#prepare(this.#outbox(), this.#targets[0]!.replyTo, name, text, growth);
  }

  /**
   * Sends, in the commit that ends the job, what the first conversation has not read yet, and to the others what they missed. `edits`: the
   * key of what the first was shown of `rest` while it grew.
   */
  async finish(rest: string, whole: string, edits?: string): Promise<void> {
    if (this.isEmpty) return;
    const outbox = this.#outbox();
    for (const [index, { replyTo, from }] of this.#targets.entries()) {
      const text = (index === 0 ? rest : whole.slice(from)).trim();
      const growth = index === 0 && edits !== undefined ? { edits } : {};
      if (text !== "") this.#options.job.send(await this.#prepare(outbox, replyTo, index === 0 ? "final" : `final:${index}`, text, growth));
    }
  }

  /** Shows that somebody is typing until it is stopped. A channel that cannot is not bothered further. */
  showTyping(): void {
    const target = this.#targets[0];
    if (target === undefined || this.#typing !== undefined) return;
    const { agent } = this.#options;
    const typing = linkSignals(agent.signal);
    this.#typing = typing;
    const show = async () => {
      while (!typing.signal.aborted) {
        const shown = await agent.uses.outbox?.typing({ address: target.replyTo.address }, { signal: typing.signal });
        if (shown === undefined || shown.ms === null) return;
        // Again before it ends.
        await agent.clock.sleep(Math.max(1_000, shown.ms * 0.8), typing.signal);
      }
    };
    show().catch((error: unknown) => {
      if (!typing.signal.aborted) agent.log.debug("typing.failed", { channel: target.replyTo.address.channel, error: String(error) });
    });
  }

  stopTyping(): void {
    this.#typing?.abort(new Error("the answer is there"));
    this.#typing?.[Symbol.dispose]();
    this.#typing = undefined;
  }

  #outbox(): ImplementationOf<typeof outbox> {
    const handle = this.#options.agent.uses.outbox;
    if (handle === undefined) throw new Error("a reply was to go to a channel, but nothing delivers messages");
    return handle;
  }

  #prepare(handle: ImplementationOf<typeof outbox>, replyTo: ReplyTo, name: string, text: string, growth: Growth): Promise<Admission> {
    const { agent, runId, sessionKey } = this.#options;
    const message = { address: replyTo.address, text, key: this.keyOf(name), sessionKey, runId, ...growth };
    return handle.prepare(
      { ...message, ...(replyTo.messageId === undefined ? {} : { replyTo: replyTo.messageId }) },
      { signal: agent.signal },
    );
  }
}
