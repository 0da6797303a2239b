import { startFakeTelegram } from "../../channels/fakes/telegram/server.ts";
import { type Channel, follow, onEach } from "./platform.ts";

export const telegram: Channel = {
  name: "telegram",
  start(hear) {
    const fake = startFakeTelegram();
    const look = follow(fake.world.sent, ({ text }) => text, hear);
    void fake.until(onEach(look));
    return {
      config: { apiRoot: fake.url },
      env: { TELEGRAM_BOT_TOKEN: fake.token },
      connected: () => fake.until(() => fake.account.updates.isPolled),
      say: (conversation, text) => void fake.write({ id: 1_000 + conversation }, { text }),
      [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
    };
  },
};
