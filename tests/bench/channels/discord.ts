import { startFakeDiscord } from "../../channels/fakes/discord/server.ts";
import { type Channel, follow, onEach } from "./platform.ts";

const id = (kind: number, conversation: number): string => `${kind}${String(conversation).padStart(17, "0")}`;

export const discord: Channel = {
  name: "discord",
  start(hear) {
    const fake = startFakeDiscord();
    const look = follow(fake.world.sent, ({ message }) => message.content, hear);
    void fake.until(onEach(look));
    return {
      config: { apiRoot: fake.url, gatewayUrl: `${fake.origin.replace("http", "ws")}/gateway`, cdnRoot: fake.origin },
      env: { DISCORD_BOT_TOKEN: fake.token },
      connected: () => fake.until(() => [...fake.gateway.sessions.values()].some(({ socket }) => socket !== undefined)),
      say(conversation, content) {
        const [person, place] = [{ id: id(5, conversation) }, id(2, conversation)];
        if (!fake.world.channels.has(place)) fake.direct(person, place);
        fake.write(person, place, { content });
      },
      [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
    };
  },
};
