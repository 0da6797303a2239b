import { channelSuite } from "@pincer/plugin-sdk/testing/channel-suite";
import { lineNetwork } from "@pincer/plugin-sdk/testing/line-faults";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { idOf, PASSWORD, startSuitePlatform } from "../../tests/channels/fakes/irc/suite.ts";

channelSuite({
  name: "irc",
  // Servers refuse a line, or end the connection: none of them asks for a line to come later.
  network: lineNetwork({ rejected: (line) => `:irc.test 404 pincer ${line.split(" ")[1]} :Cannot send to channel\r\n` }),
  startPlatform: startSuitePlatform,
  startPlugin: (server, options, allowFrom) =>
    startPlugin(import.meta.dir, {
      ...options,
      config: { server, tls: false, lineEveryMs: 0, channels: ["#club"], allowFrom },
      secrets: { IRC_PASSWORD: PASSWORD },
    }),
  idOf,
  receives: { line: "CAP LS" },
  sends: { line: "PRIVMSG" },
  groups: true,
  replies: true,
  revokes: true,
  dated: true,
  textLimit: 340,
});
