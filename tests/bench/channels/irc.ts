import { startFakeIrc } from "../../channels/fakes/irc/server.ts";
import { type Channel, onEach } from "./platform.ts";

export const irc: Channel = {
  name: "irc",
  async start(hear) {
    const fake = await startFakeIrc();
    let [heard, connections] = [0, 0];
    void fake.until(
      onEach(() => {
        for (; heard < fake.said.length; heard++) hear(fake.said[heard]!.text);
      }),
    );
    return {
      // No server lets a stranger say two hundred lines a second; this one does.
      config: { server: fake.address, tls: false, lineEveryMs: 0, channels: ["#home"] },
      env: {},
      async connected() {
        connections++;
        await fake.until(() => fake.lines.filter((line) => line.startsWith("JOIN ")).length >= connections);
      },
      say(conversation, text) {
        const nick = `person${conversation}`;
        fake.speak({ from: `${nick}!~${nick}@home.test`, account: nick, target: "pincer", text });
      },
      [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
    };
  },
};
