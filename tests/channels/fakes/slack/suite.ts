/** Slack as the conformance suite of channels sees it, with ids for the suite's names. Every event comes twice, as Slack's do now and then. */
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import type { ChannelPlatform, Posted, Said } from "@pincer/plugin-sdk/testing/channel-suite";
import { type FakeSlack, startFakeSlack } from "./server.ts";
import type { Sent } from "./world.ts";

/** The same id for the same name: of a conversation between two, a channel, or a person. */
export function idOf(name: string): string {
  const letter = name === "club" ? "C" : name.startsWith("room") ? "D" : "U";
  return `${letter}${new Bun.CryptoHasher("sha256").update(name).digest("hex").slice(0, 9).toUpperCase()}`;
}

/** A thread of the suite's, which is a number, begins with a message of long ago. */
const threadOf = (thread: string): string => `1700000000.${thread.padStart(6, "0")}`;

const posted = ({ ts, conversation, shown, thread, files, buttons }: Sent): Posted => ({
  conversation,
  id: ts,
  text: shown,
  ...(buttons.length > 0 && { buttons: buttons.map((button) => button.text) }),
  ...(thread !== undefined && { thread: String(Number(thread.split(".")[1])) }),
  ...(files.length > 0 && { attachments: files.map(({ name }) => ({ fileName: name })) }),
});

export const startSuitePlatform = ({ now }: { readonly now?: () => number } = {}): ChannelPlatform =>
  suitePlatform(startFakeSlack({ clock: now ? { ...systemClock, now } : systemClock, twice: true }));

export function suitePlatform(slack: FakeSlack): ChannelPlatform {
  slack.conversation(idOf("room-1"));

  function messageOf({ text, group, thread, conversation, from, attachments = [] }: Said): Record<string, unknown> {
    const ts = thread === undefined ? undefined : threadOf(thread);
    if (ts !== undefined && !slack.conversation(conversation).messages.some((message) => message.ts === ts)) {
      slack.write(from, conversation, { ts, text: "how it began" }, true);
    }
    const files = attachments.map(({ fileName = "file", data, mimeType }) => slack.file(fileName, Buffer.from(data, "base64"), mimeType));
    return {
      text: group?.mentions ? `<@${slack.app.user}> ${text}` : text,
      ...(ts !== undefined && { thread_ts: ts }),
      ...(files.length > 0 && { subtype: "file_share", files }),
    };
  }

  return {
    url: slack.url,
    say: (said) => slack.write(said.from, said.conversation, messageOf(said)),
    get posted() {
      return slack.world.sent.map(posted);
    },
    message: async (index) => posted(await slack.message(index)),
    until: slack.until,
    press: (index, from, label) => slack.press(from, slack.world.sent[index]!, label),
    revoke() {
      slack.app.ended = "token_revoked";
    },
    [Symbol.asyncDispose]: () => slack[Symbol.asyncDispose](),
  };
}
