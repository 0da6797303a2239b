/** IRC as the conformance suite of channels sees it: a conversation between two is a nick, and people are known by their accounts. */
import type { ChannelPlatform, Posted, Said } from "@pincer/plugin-sdk/testing/channel-suite";
import { startFakeIrc } from "./server.ts";

export const PASSWORD = "correct horse battery";

export function idOf(name: string): string {
  if (name === "club") return "#club";
  return name.startsWith("room") ? name : `account:${name}`;
}

export async function startSuitePlatform({ now }: { readonly now?: () => number } = {}): Promise<ChannelPlatform> {
  const accounts: Record<string, string> = { pincer: PASSWORD };
  const irc = await startFakeIrc({ sasl: ["PLAIN"], accounts, twice: true, ...(now && { now }) });
  const posted = (): readonly Posted[] =>
    irc.said.map(({ target, text }, index) => {
      const replyTo = irc.replies[index];
      return { conversation: target, text, ...(replyTo !== undefined && { replyTo }) };
    });

  return {
    url: irc.address,
    say({ conversation, from, text, group }: Said) {
      const account = from.slice("account:".length);
      const nick = group ? account : conversation;
      return irc.speak({
        from: `${nick}!~${account}@home.test`,
        account,
        target: group ? conversation : "pincer",
        text: group?.mentions ? `pincer: ${text}` : text,
      });
    },
    get posted() {
      return posted();
    },
    async message(index) {
      await irc.until(() => irc.said.length > index);
      return posted()[index]!;
    },
    until: irc.until,
    revoke() {
      delete accounts["pincer"];
    },
    [Symbol.asyncDispose]: () => irc[Symbol.asyncDispose](),
  };
}
