/** What is told beside messages, by tags that clients understand and servers hand on (ircv3.net: typing, reply, react). */
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { Bucket } from "./bucket.ts";

export type Tags = Readonly<Record<string, string>>;

interface SignsDeps {
  readonly bucket: Bucket;
  readonly caps: ReadonlySet<string>;
  /** What the server says of itself. */
  readonly support: ReadonlyMap<string, string>;
  /** The account's reactions that are shown, by message. */
  readonly reactions: Map<string, string>;
  write(tags: Tags, command: string, ...params: string[]): void;
}

/** Reactions that may be taken away. */
const MOST_SHOWN = 500;
const REPLY = "+draft/reply";

export class Signs {
  readonly #deps: SignsDeps;

  constructor(deps: SignsDeps) {
    this.#deps = deps;
  }

  /** What says that a message answers that one; nothing where the server does not hand it on. */
  answering(messageId: string | undefined): Tags {
    return messageId !== undefined && this.#allows("draft/reply") ? { [REPLY]: messageId } : {};
  }

  /** A line less for what is said is more than this is worth. */
  typing(target: string): void {
    const { bucket, write } = this.#deps;
    if (this.#allows("typing") && bucket.take(1) === 0) write({ "+typing": "active" }, "TAGMSG", target);
  }

  /** Throws in the codes of `channelErrors`. */
  react(target: string, messageId: string, emoji: string): void {
    const { bucket, reactions, write } = this.#deps;
    const shown = reactions.get(messageId);
    if (shown === emoji || (shown === undefined && emoji === "")) return;
    if (!this.#allows("draft/react") || !this.#allows("draft/reply"))
      throw channelErrors.CHANNEL_REJECTED("the server does not hand on reactions (message-tags, CLIENTTAGDENY)");
    const isTakenAway = shown !== undefined && this.#allows("draft/unreact");
    const lines = (isTakenAway ? 1 : 0) + (emoji === "" ? 0 : 1);
    const wait = bucket.take(lines);
    if (wait > 0)
      throw channelErrors.CHANNEL_RATE_LIMITED("lines go one at a time, so that the server does not end the connection", {
        retryAfterMs: wait,
      });
    if (isTakenAway) write({ [REPLY]: messageId, "+draft/unreact": shown }, "TAGMSG", target);
    if (emoji !== "") write({ [REPLY]: messageId, "+draft/react": emoji }, "TAGMSG", target);
    reactions.delete(messageId);
    if (emoji !== "") reactions.set(messageId, emoji);
    if (reactions.size > MOST_SHOWN) reactions.delete(reactions.keys().next().value!);
  }

  /** `CLIENTTAGDENY` names what is not handed on; with `*` all but what has a minus in front. */
  #allows(tag: string): boolean {
    const { caps, support } = this.#deps;
    if (!caps.has("message-tags")) return false;
    const denied = (support.get("CLIENTTAGDENY") ?? "").split(",");
    return denied.includes("*") ? denied.includes(`-${tag}`) : !denied.includes(tag);
  }
}
