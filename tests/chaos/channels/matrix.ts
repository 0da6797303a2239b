import { BOT, startFakeMatrix } from "../../channels/fakes/matrix/server.ts";
import { idOf, suitePlatform } from "../../channels/fakes/matrix/suite.ts";
import { type StartChannel, startRoad } from "./channel.ts";
import { throughSuite } from "./suite.ts";

/** By its address a change of a message is a message as well. */
const sends = { method: "PUT", path: "/send/m.room.message/" };

export const matrix: StartChannel = (at) => {
  const fake = startFakeMatrix();
  const road = startRoad(fake.url, { sends, edits: sends }, at);
  return throughSuite({
    name: "matrix",
    platform: suitePlatform(fake),
    road,
    config: { homeserver: road.url, token: BOT.token },
    idOf,
  });
};
