import { startFakeDiscord, TOKEN } from "../../channels/fakes/discord/server.ts";
import { idOf, suitePlatform } from "../../channels/fakes/discord/suite.ts";
import { type StartChannel, startRoad } from "./channel.ts";
import { throughSuite } from "./suite.ts";

export const discord: StartChannel = (at) => {
  const fake = startFakeDiscord();
  const road = startRoad(fake.origin, { sends: { method: "POST", path: "/messages" }, edits: { method: "PATCH", path: "/messages/" } }, at);
  const { url } = road;
  return throughSuite({
    name: "discord",
    platform: suitePlatform(fake),
    road,
    config: { apiRoot: `${url}/api`, gatewayUrl: `${url.replace("http", "ws")}/gateway`, cdnRoot: url, token: TOKEN },
    idOf,
  });
};
