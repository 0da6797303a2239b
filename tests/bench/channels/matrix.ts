import { startFakeMatrix } from "../../channels/fakes/matrix/server.ts";
import { type Channel, onEach } from "./platform.ts";

export const matrix: Channel = {
  name: "matrix",
  start(hear) {
    const fake = startFakeMatrix();
    const { log } = fake.world;
    let seen = 0;
    const look = () => {
      for (; seen < log.length; seen++) {
        const entry = log[seen]!;
        if (entry.kind !== "event" || entry.event.sender !== fake.bot.user) continue;
        // A message's change has all of its new text, behind a mark.
        const { body } = entry.event.content;
        if (typeof body === "string") hear(body);
      }
    };
    void fake.until(onEach(look));
    return {
      config: { homeserver: fake.url },
      env: { MATRIX_ACCESS_TOKEN: fake.bot.token },
      connected: () => fake.until(() => fake.isSynced),
      say(conversation, text) {
        const [person, room] = [`@person${conversation}:hs.test`, `!room${conversation}:hs.test`];
        if (!fake.world.rooms.has(room)) fake.room(room, person);
        fake.say(person, room, text);
      },
      [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
    };
  },
};
