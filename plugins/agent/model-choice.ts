/**
 * Which model a turn is for: the one that was named, else the one that the selector says, where there is one. Its decision is journalled, so
 * that a turn that is resumed asks the same model; told to clients; and kept beside the answer. A conversation that holds what is private is
 * marked before anything of it is sent.
 */
import type { ModelInfo, Thinking } from "@pincer/plugin-sdk/contracts/provider";
import type { AgentInfo } from "@pincer/plugin-sdk/contracts/router";
import type { SelectionRequest } from "@pincer/plugin-sdk/contracts/selector";
import type { Session } from "@pincer/plugin-sdk/contracts/sessions";
import type { Job } from "@pincer/plugin-sdk/job";
import { holds, searchableText } from "@pincer/plugin-sdk/message";
import type { Selection } from "@pincer/plugin-sdk/selection";
import { parseKey } from "@pincer/plugin-sdk/session-key";
import type { ContextItem } from "./context-window.ts";
import { agentErrors } from "./errors.ts";
import { chosenModel, thinkingLevel } from "./session-facets.ts";
import type { TurnInput } from "./turn-input.ts";
import { userMessage } from "./user-message.ts";
import type { AgentContext } from "./uses.ts";

export interface ModelChoice {
  readonly model: ModelInfo;
  /** As in a request to `llm`. */
  readonly within: readonly string[] | undefined;
  /** Absent where no selector had anything to say. */
  readonly selection: Selection | undefined;
}

interface ModelChoiceOptions {
  readonly agent: AgentContext;
  readonly job: Pick<Job, "effect" | "resumed">;
  readonly info: AgentInfo;
  readonly session: Session;
  /** Named by the message. */
  readonly named?: string | undefined;
  readonly thinking?: Thinking | undefined;
  readonly signal: AbortSignal;
  /** Told of every decision, a refusal too. */
  readonly onSelection: (selection: Selection) => void;
}

interface Said {
  /** Unique within the job. */
  readonly name: string;
  /** What is to be answered; none where somebody asks for a summary. */
  readonly inputs: readonly TurnInput[];
  readonly items: () => Promise<readonly ContextItem[]>;
}

const facet = "localOnly";

export class ModelChooser {
  readonly #options: ModelChoiceOptions;
  /** What is private stays so for the rest of the conversation, whatever is said next. */
  #private: boolean;

  constructor(options: ModelChoiceOptions) {
    this.#options = options;
    this.#private = options.session.facets[facet] === true;
  }

  /** Throws `AGENT_REFUSED` when no model may be asked. */
  async choose(said: Said): Promise<ModelChoice> {
    return this.#follow((await this.#decide(said)) ?? undefined);
  }

  /** More was said into the turn: the model stays, unless that is private, and the one that answers must not see it. */
  async again(said: Said): Promise<ModelChoice | undefined> {
    if (this.#private || said.inputs.length === 0) return undefined;
    const selection = await this.#decide(said);
    return selection?.private === true ? this.#follow(selection) : undefined;
  }

  /** Nothing is journalled where there is no selector; one that went away in the middle of a turn is still obeyed for the rest of it. */
  async #decide(said: Said): Promise<Selection | null> {
    const { agent, job, signal } = this.#options;
    const { selector } = agent.uses;
    if (selector === undefined && !job.resumed) return null;
    const ask = async () => (selector === undefined ? null : selector.select(await this.#request(said), { signal }));
    return job.effect(said.name, null, ask, { replay: "safe" });
  }

  async #follow(selection: Selection | undefined): Promise<ModelChoice> {
    const { agent, info, session, signal, onSelection } = this.#options;
    if (selection?.private === true && !this.#private) {
      await agent.uses.sessions.patch({ key: session.key, facets: { [facet]: true } }, { signal });
      this.#private = true;
    }
    if (selection !== undefined) onSelection(selection);
    if (selection?.refused !== undefined) throw agentErrors.AGENT_REFUSED(selection.refused);
    const model = selection?.model ?? this.#named?.model;
    const within = selection?.within;
    const request = {
      agentId: info.id,
      ...(model === undefined ? {} : { model }),
      ...(within === undefined ? {} : { within: [...within] }),
    };
    return { model: await agent.uses.llm.resolve(request, { signal }), within, selection };
  }

  get #named(): SelectionRequest["chosen"] {
    const { named, session, info } = this.#options;
    if (named !== undefined) return { model: named, by: "message" };
    const chosen = chosenModel(session);
    if (chosen !== undefined) return { model: chosen, by: "session" };
    return info.model === undefined ? undefined : { model: info.model, by: "agent" };
  }

  async #request({ inputs, items }: Said): Promise<SelectionRequest> {
    const { agent, info, session, thinking } = this.#options;
    const messages = inputs.map((input) => userMessage(input, agent.config));
    const own = new Set(messages.map(({ idempotencyKey }) => idempotencyKey));
    const all = await items();
    const before = all.filter(({ id }) => !own.has(id));
    const people = before.flatMap(({ message, kind }) => (message.role === "user" && kind === "message" ? [message] : []));
    const read = [...people, ...messages];
    // What a client adds to the prompt is read by the model too.
    const added = inputs.flatMap(({ extraSystemPrompt }) => extraSystemPrompt ?? []);
    const level = thinking ?? thinkingLevel(session.facets["thinkingLevel"]);
    const chosen = this.#named;
    return {
      agentId: info.id,
      text: messages.map(searchableText).join("\n\n"),
      context: this.#private ? "" : [...people.map(searchableText), ...added].join("\n\n"),
      attachments: inputs.reduce((sum, { attachments = [] }) => sum + attachments.length, 0),
      images: holds(messages, "image"),
      documents: holds(messages, "document"),
      unsearchable: holds(read, "image") || holds(read, "document"),
      tools: inputs.length > 0 && (session.owner || agent.uses.policy !== undefined),
      tokens: before.reduce((sum, { tokens }) => sum + tokens, 0),
      failed: typeof session.facets["lastRunError"] === "string",
      private: this.#private,
      channels: [...channelsOf(session, inputs)],
      ...(level === undefined ? {} : { thinking: level }),
      ...(chosen === undefined ? {} : { chosen }),
    };
  }
}

/** Where it was said: as the messages themselves say, and their session's key. */
function channelsOf({ key, agentId }: Session, inputs: readonly TurnInput[]): ReadonlySet<string> {
  const own = parseKey(key, agentId).conversation?.channel;
  const from = inputs.flatMap(({ sender, replyTo }) => sender?.channel ?? replyTo?.address.channel ?? []);
  return new Set(own === undefined ? from : [own, ...from]);
}
