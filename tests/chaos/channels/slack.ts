import { APP_TOKEN, startFakeSlack, TOKEN } from "../../channels/fakes/slack/server.ts";
import { idOf, suitePlatform } from "../../channels/fakes/slack/suite.ts";
import { type StartChannel, startRoad } from "./channel.ts";
import { throughSuite } from "./suite.ts";

export const slack: StartChannel = (at) => {
  const fake = startFakeSlack({ twice: true });
  const road = startRoad(fake.url, { sends: { path: "/chat.postMessage" }, edits: { path: "/chat.update" } }, at);
  return throughSuite({
    name: "slack",
    platform: suitePlatform(fake),
    road,
    config: { slackApiUrl: `${road.url}/api`, token: TOKEN, appToken: APP_TOKEN },
    idOf,
    eventOf: ({ conversation }, id) => `${conversation}:${id}`,
  });
};
