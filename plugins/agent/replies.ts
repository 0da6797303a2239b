/** Where a run's answer goes besides the transcript: the conversations of channels that its messages came from. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { outbox } from "@pincer/plugin-sdk/contracts/outbox";
import type { TurnRequest } from "@pincer/plugin-sdk/contracts/turn";
import type { Admission, Job } from "@pincer/plugin-sdk/job";
import type { AgentContext } from "./uses.ts";

type ReplyTo = NonNullable<TurnRequest["replyTo"]>;

const sameConversation = (a: ReplyTo["address"], b: ReplyTo["address"]) =>
  a.channel === b.channel && a.account === b.account && a.conversation === b.conversation && a.thread === b.thread;

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
  #typing: Disposable | undefined;

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

  /** The admission of a piece for the first conversation. */
  piece(name: string, text: string): Promise<Admission> {
    return this.#prepare(this.#outbox(), this.#targets[0]!.replyTo, name, text);
  }

  /** Sends, in the commit that ends the job, what the first conversation has not read yet, and to the others what they missed. */
  async finish(rest: string, whole: string): Promise<void> {
    if (this.isEmpty) return;
    const outbox = this.#outbox();
    for (const [index, { replyTo, from }] of this.#targets.entries()) {
      const text = (index === 0 ? rest : whole.slice(from)).trim();
      if (text !== "") this.#options.job.send(await this.#prepare(outbox, replyTo, index === 0 ? "final" : `final:${index}`, text));
    }
  }

  /** Shows that somebody is typing until it is stopped. A channel that cannot is not bothered further. */
  showTyping(): void {
    const target = this.#targets[0];
    const { agent } = this.#options;
    if (target === undefined || this.#typing !== undefined) return;
    const show = () => {
      agent.uses.outbox?.typing({ address: target.replyTo.address }, { signal: agent.signal }).catch((error: unknown) => {
        agent.log.debug("typing.failed", { channel: target.replyTo.address.channel, error: String(error) });
        this.stopTyping();
      });
    };
    this.#typing = agent.clock.every(agent.config.typingMs, show);
    show();
  }

  stopTyping(): void {
    this.#typing?.[Symbol.dispose]();
    this.#typing = undefined;
  }

  #outbox(): ImplementationOf<typeof outbox> {
    const handle = this.#options.agent.uses.outbox;
    if (handle === undefined) throw new Error("a reply was to go to a channel, but nothing delivers messages");
    return handle;
  }

  #prepare(handle: ImplementationOf<typeof outbox>, replyTo: ReplyTo, name: string, text: string): Promise<Admission> {
    const { agent, runId, sessionKey } = this.#options;
    const message = { address: replyTo.address, text, key: `${runId}:${name}`, sessionKey, runId };
    return handle.prepare(
      { ...message, ...(replyTo.messageId === undefined ? {} : { replyTo: replyTo.messageId }) },
      { signal: agent.signal },
    );
  }
}
