import { dirname, join } from "node:path";
import { startPlatform } from "../../tests/fixtures/platform/platform.ts";
import { type ChannelPlatform, channelSuite } from "./channel-suite.ts";
import { startPlugin } from "./plugin.ts";

const fixture = join(dirname(dirname(import.meta.dir)), "tests", "fixtures", "plugins", "scripted-channel");

function startScripted(): ChannelPlatform {
  const platform = startPlatform({ idempotent: true });
  const shown = ({ room, text }: { readonly room: string; readonly text: string }) => ({ conversation: room, text });
  return {
    url: platform.url,
    say: ({ conversation, from, text }) => void platform.say(conversation, from, text),
    get posted() {
      return platform.posted.map(shown);
    },
    message: async (index) => shown(await platform.message(index)),
    [Symbol.asyncDispose]: () => platform.stop(),
  };
}

channelSuite({
  name: "scripted",
  startPlatform: startScripted,
  startPlugin: (url, options, allowFrom) => startPlugin(fixture, { ...options, config: { url, allowFrom } }),
  receives: { path: "/updates" },
  sends: { path: "/messages" },
  idempotentSend: true,
});
