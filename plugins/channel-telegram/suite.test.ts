import { channelSuite } from "@pincer/plugin-sdk/testing/channel-suite";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { TOKEN } from "../../tests/channels/fakes/telegram/server.ts";
import { idOf, startSuitePlatform } from "../../tests/channels/fakes/telegram/suite.ts";

channelSuite({
  name: "telegram",
  startPlatform: startSuitePlatform,
  startPlugin: (apiRoot, options, allowFrom) =>
    startPlugin(import.meta.dir, {
      ...options,
      config: { apiRoot, allowFrom },
      secrets: { TELEGRAM_BOT_TOKEN: TOKEN },
    }),
  idOf,
  receives: { path: "/getUpdates" },
  sends: { path: "/sendMessage" },
  groups: true,
  threads: true,
  media: true,
  edits: true,
  buttons: true,
  replies: true,
  revokes: true,
  dated: true,
  textLimit: 4096,
});
