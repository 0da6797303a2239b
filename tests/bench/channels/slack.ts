import { APP_TOKEN, startFakeSlack, TOKEN } from "../../channels/fakes/slack/server.ts";
import { type Channel, follow, onEach } from "./platform.ts";

export const slack: Channel = {
  name: "slack",
  start(hear) {
    const fake = startFakeSlack();
    const look = follow(fake.world.sent, ({ shown }) => shown, hear);
    void fake.until(onEach(look));
    return {
      config: { slackApiUrl: `${fake.url}/api` },
      env: { SLACK_BOT_TOKEN: TOKEN, SLACK_APP_TOKEN: APP_TOKEN },
      connected: () => fake.until(() => fake.deliveries.sockets.size > 0),
      say: (conversation, text) => void fake.write(`U${1_000 + conversation}`, `D${1_000 + conversation}`, { text }),
      [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
    };
  },
};
