import { channelSuite } from "@pincer/plugin-sdk/testing/channel-suite";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { TOKEN } from "../../tests/channels/fakes/discord/server.ts";
import { idOf, startSuitePlatform } from "../../tests/channels/fakes/discord/suite.ts";

channelSuite({
  name: "discord",
  startPlatform: startSuitePlatform,
  startPlugin: (origin, options, allowFrom) =>
    startPlugin(import.meta.dir, {
      ...options,
      config: { apiRoot: `${origin}/api`, gatewayUrl: `${origin.replace("http", "ws")}/gateway`, cdnRoot: origin, allowFrom },
      secrets: { DISCORD_BOT_TOKEN: TOKEN },
    }),
  idOf,
  receives: { path: "/users/@me" },
  sends: { method: "POST", path: "/messages" },
  idempotentSend: true,
  groups: true,
  threads: true,
  media: true,
  edits: true,
  buttons: true,
  replies: true,
  revokes: true,
  dated: true,
  textLimit: 2000,
});
