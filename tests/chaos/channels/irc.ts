import { startFakeIrc } from "../../channels/fakes/irc/server.ts";
import type { StartChannel } from "./channel.ts";
import { startLineRelay } from "./line-relay.ts";

const people = "people.test";

export const irc: StartChannel = async (at) => {
  const server = await startFakeIrc();
  const relay = await startLineRelay({
    to: server.address,
    at,
    isSent: (line) => /^PRIVMSG (?!\*)/.test(line),
    taken: () => {
      const before = server.said.length;
      return server.until(() => server.said.length > before);
    },
  });
  return {
    name: "irc",
    plugin: "channel-irc",
    config: { server: relay.address, tls: false, channels: ["#club"], lineEveryMs: 0 },
    rooms: [
      { conversation: "ada", from: `ada!ada@${people}`, direct: true },
      { conversation: "#club", from: `carol!carol@${people}`, direct: false },
    ],
    grows: false,
    get shown() {
      return server.said.map(({ target, text }, index) => ({ conversation: target, text, id: `own${index + 1}` }));
    },
    say: ({ conversation, from, direct }, text) =>
      server.speak(direct ? { from, target: "pincer", text } : { from, target: conversation, text: `pincer: ${text}` }),
    fail: relay.fail,
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
};
