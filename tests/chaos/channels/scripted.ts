/** The platform of no vendor: as it is, without edits, or where an answer grows by them. Its plugin has one address, so that a home has one of the two. */
import { startPlatform } from "../../fixtures/platform/platform.ts";
import type { At, ChaosChannel, Room } from "./channel.ts";

export const rooms: readonly Room[] = [
  { conversation: "home", from: "ada", direct: true },
  { conversation: "bob", from: "bob", direct: true },
  { conversation: "club", from: "carol", direct: false },
];

function start(name: "scripted" | "rich", at: At): ChaosChannel {
  const platform = startPlatform({ at });
  const said = new Map<string, Parameters<typeof platform.repeat>[0]>();
  return {
    name,
    plugin: "scripted-channel",
    config: name === "scripted" ? { url: platform.url } : {},
    ...(name === "rich" ? { beside: { scripted: { url: platform.url, enabled: false } } } : {}),
    rooms,
    grows: name === "rich",
    get shown() {
      return platform.posted.map(({ room, text, messageId, key }) => ({
        conversation: room,
        text,
        id: messageId,
        ...(key === undefined ? {} : { key }),
      }));
    },
    say({ conversation, from, direct }, text) {
      const update = platform.say(conversation, from, text, { direct, mentions: true });
      said.set(String(update.id), update);
      return String(update.id);
    },
    isConfirmed: (event) => Number(event) <= platform.confirmed,
    repeat(event) {
      const update = said.get(event);
      if (update) platform.repeat({ ...update, text: `${update.text.split(" ")[0]} again` });
    },
    fail: platform.fail,
    [Symbol.asyncDispose]: () => platform.stop(),
  };
}

export const scripted = (at: At): ChaosChannel => start("scripted", at);
export const rich = (at: At): ChaosChannel => start("rich", at);
