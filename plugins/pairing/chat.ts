/** `/pair`, which the owner types in a chat. What was answered is kept for a while: the same message, come twice, decides once and is answered alike. */
import type { InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import type { Decisions } from "./decisions.ts";
import type { PairingContext } from "./uses.ts";
import { decided, usage, waiting } from "./words.ts";

interface Typed {
  readonly verb: string;
  readonly code: string;
}

interface Answered {
  readonly text: string;
  readonly at: number;
}

/** Answers that are kept; the platforms give out again what is newer. */
const mostAnswers = 100;
const prefix = "answer/";

/** What somebody hands on is not what they say. */
export function parsePair({ text, forwarded }: InboundMessage): Typed | undefined {
  const match = /^\/pair(?:@\S+)?(?:\s+(\S+)(?:\s+([^\n]{1,64}))?)?\s*$/i.exec(text.trim());
  return match === null || forwarded !== undefined ? undefined : { verb: (match[1] ?? "list").toLowerCase(), code: match[2] ?? "" };
}

export function createChat(ctx: PairingContext, decisions: Decisions) {
  const forgetOld = async () => {
    const kept = [...(await ctx.store.list<Answered>(prefix))].sort((a, b) => b.value.at - a.value.at);
    const old = kept.slice(mostAnswers);
    if (old.length > 0) await ctx.store.set(Object.fromEntries(old.map(({ key }) => [key, undefined])));
  };

  const decide = async (verb: "approve" | "reject", code: string, principal: string, keep: (text: string) => Record<string, Answered>) => {
    try {
      const applicant = await decisions[verb](code, { principal }, { also: (one) => keep(decided(one, verb)) });
      return decided(applicant, verb);
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      return `That did not work: ${error.message}.`;
    }
  };

  return {
    /** The answer, the same however often the message comes. */
    async answer(message: InboundMessage, { verb, code }: Typed): Promise<string> {
      const { channel, account } = message.address;
      const key = `${prefix}${JSON.stringify([channel, account, message.eventId])}`;
      const before = await ctx.store.get<Answered>(key);
      if (before !== undefined) return before.text;
      const keep = (text: string) => ({ [key]: { text, at: ctx.clock.now() } satisfies Answered });
      const isDecision = (verb === "approve" || verb === "reject") && code !== "";
      const text = isDecision
        ? await decide(verb, code, `${channel}:${message.sender.id}`, keep)
        : verb === "list"
          ? waiting(await decisions.open())
          : usage;
      await ctx.store.set(keep(text));
      await forgetOld();
      return text;
    },
  };
}
