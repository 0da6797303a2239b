/** A channel whose platform the conformance suite of channels knows already: what that says and shows is the trials' too. */
import type { ChannelPlatform } from "@pincer/plugin-sdk/testing/channel-suite";
import type { ChaosChannel, Road, Room } from "./channel.ts";

interface Known {
  readonly name: string;
  readonly platform: ChannelPlatform;
  readonly road: Road;
  readonly config: ChaosChannel["config"];
  /** The platform's id for a name; absent: it takes any text. */
  readonly idOf?: (name: string) => string;
  /** The event's id, of the message's; absent: they are the same. */
  readonly eventOf?: (room: Room, message: string) => string;
}

const asItIs = (name: string) => name;

export function throughSuite({ name, platform, road, config, idOf = asItIs, eventOf = (_, message) => message }: Known): ChaosChannel {
  return {
    name,
    plugin: `channel-${name}`,
    config,
    rooms: [
      { conversation: idOf("room-1"), from: idOf("ada"), direct: true },
      { conversation: idOf("club"), from: idOf("carol"), direct: false },
    ],
    grows: road.hasEdits,
    get shown() {
      return platform.posted.map(({ conversation, text, id = "" }) => ({ conversation, text, id }));
    },
    say(room, text) {
      const { conversation, from, direct } = room;
      const said = platform.say({ conversation, from, text, ...(direct ? {} : { group: { mentions: true } }) });
      return eventOf(room, String(said));
    },
    fail: road.fail,
    async [Symbol.asyncDispose]() {
      await platform[Symbol.asyncDispose]();
      await road.faults[Symbol.asyncDispose]();
    },
  };
}
