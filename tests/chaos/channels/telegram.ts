import { startFakeTelegram, TOKEN } from "../../channels/fakes/telegram/server.ts";
import { idOf, suitePlatform } from "../../channels/fakes/telegram/suite.ts";
import { type StartChannel, startRoad } from "./channel.ts";
import { throughSuite } from "./suite.ts";

export const telegram: StartChannel = (at) => {
  const fake = startFakeTelegram();
  const road = startRoad(fake.url, { sends: { path: "/sendMessage" }, edits: { path: "/editMessageText" } }, at);
  return throughSuite({
    name: "telegram",
    platform: suitePlatform(fake),
    road,
    config: { apiRoot: road.url, token: TOKEN },
    idOf,
    eventOf: ({ conversation }, id) => `${conversation}:${id}`,
  });
};
