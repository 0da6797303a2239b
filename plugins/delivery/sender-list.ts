/** Who may write where no plugin judges senders: whoever `allowFrom` names, and in a group only to the bot itself. */
import type { InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import type { Verdict } from "@pincer/plugin-sdk/contracts/sender-policy";
import type { SenderRules } from "@pincer/plugin-sdk/contracts/sender-rules";

export function judgeByList(message: InboundMessage, { allowFrom = [] }: SenderRules): Omit<Verdict, "owner"> {
  const { sender, address, chat } = message;
  const refused = (reason: string) => ({ admit: false, reason });
  const named = allowFrom.includes(sender.id);
  if (sender.bot === true && !named)
    return refused(`${sender.id} is another program, and not named in channels.${address.channel}.allowFrom`);
  if (!named && !allowFrom.includes("*")) return refused(`${sender.id} is not in channels.${address.channel}.allowFrom`);
  if (chat === "group" && message.mentioned !== true && message.replyTo?.own !== true)
    return refused("a message of a group that does not speak to the bot");
  return { admit: true };
}
