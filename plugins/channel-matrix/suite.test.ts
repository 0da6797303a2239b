import { channelSuite } from "@pincer/plugin-sdk/testing/channel-suite";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { BOT } from "../../tests/channels/fakes/matrix/server.ts";
import { idOf, startSuitePlatform } from "../../tests/channels/fakes/matrix/suite.ts";

channelSuite({
  name: "matrix",
  startPlatform: startSuitePlatform,
  startPlugin: (homeserver, options, allowFrom) =>
    startPlugin(import.meta.dir, { ...options, config: { homeserver, allowFrom }, secrets: { MATRIX_ACCESS_TOKEN: BOT.token } }),
  idOf,
  receives: { path: "/sync" },
  sends: { method: "PUT", path: "/send/" },
  idempotentSend: true,
  groups: true,
  threads: true,
  media: true,
  edits: true,
  replies: true,
  revokes: true,
  dated: true,
  textLimit: 8000,
});
