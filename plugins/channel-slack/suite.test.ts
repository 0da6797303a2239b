import { channelSuite } from "@pincer/plugin-sdk/testing/channel-suite";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { APP_TOKEN, TOKEN } from "../../tests/channels/fakes/slack/server.ts";
import { idOf, startSuitePlatform } from "../../tests/channels/fakes/slack/suite.ts";

channelSuite({
  name: "slack",
  startPlatform: startSuitePlatform,
  startPlugin: (url, options, allowFrom) =>
    startPlugin(import.meta.dir, {
      ...options,
      config: { slackApiUrl: `${url}/api`, allowFrom },
      secrets: { SLACK_BOT_TOKEN: TOKEN, SLACK_APP_TOKEN: APP_TOKEN },
    }),
  idOf,
  receives: { path: "/apps.connections.open" },
  sends: { path: "/chat.postMessage" },
  groups: true,
  threads: true,
  media: true,
  edits: true,
  buttons: true,
  revokes: true,
  dated: true,
  textLimit: 4000,
});
