import { dirname, join } from "node:path";
import { type Manner, startPlatform } from "../../tests/fixtures/platform/platform.ts";
import { type ChannelPlatform, type ChannelSuite, channelSuite, type Posted, type Said } from "./channel-suite.ts";
import { startPlugin } from "./plugin.ts";

const fixture = join(dirname(dirname(import.meta.dir)), "tests", "fixtures", "plugins", "scripted-channel");

const mannerOf = ({ group, thread, attachments }: Said): Manner => ({
  direct: group === undefined,
  ...(group === undefined ? {} : { mentions: group.mentions }),
  ...(thread === undefined ? {} : { thread }),
  ...(attachments === undefined ? {} : { attachments }),
});

const started =
  (isIdempotent: boolean) =>
  (options?: { readonly now?: () => number }): ChannelPlatform => {
    const platform = startPlatform({ idempotent: isIdempotent, textLimit: 400, ...options });
    const shown = ({ room, text, thread, replyTo, attachments, choices }: (typeof platform.posted)[number]): Posted => ({
      conversation: room,
      text,
      ...(thread === undefined ? {} : { thread }),
      ...(replyTo === undefined ? {} : { replyTo }),
      ...(attachments === undefined ? {} : { attachments }),
      ...(choices === undefined ? {} : { buttons: choices.map(({ label }) => label) }),
    });
    return {
      url: platform.url,
      say: (said) => `u${platform.say(said.conversation, said.from, said.text, mannerOf(said)).id}`,
      get posted() {
        return platform.posted.map(shown);
      },
      message: async (index) => shown(await platform.message(index)),
      until: platform.until,
      press: (index, from, label) => platform.press(platform.posted[index]!.messageId, from, label),
      revoke: platform.revoke,
      [Symbol.asyncDispose]: () => platform.stop(),
    };
  };

const common: Pick<ChannelSuite, "receives" | "sends" | "groups" | "threads" | "replies" | "revokes" | "dated" | "textLimit"> = {
  receives: { path: "/updates" },
  sends: { path: "/messages" },
  groups: true,
  threads: true,
  replies: true,
  revokes: true,
  dated: true,
  textLimit: 400,
};

channelSuite({
  ...common,
  name: "scripted",
  channel: "scripted",
  startPlatform: started(true),
  startPlugin: (url, options, allowFrom) => startPlugin(fixture, { ...options, config: { url, allowFrom } }),
});

channelSuite({
  ...common,
  name: "rich",
  channel: "rich",
  buttons: true,
  media: true,
  edits: true,
  startPlatform: started(false),
  startPlugin: (url, { settings, ...options }, allowFrom) => {
    const { channels } = settings as { channels: { rich: object } };
    const rich = { ...channels.rich, allowFrom };
    return startPlugin(fixture, {
      ...options,
      config: { url, enabled: false },
      settings: { ...settings, channels: { ...channels, rich } },
    });
  },
});
