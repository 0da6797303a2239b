/** Every channel that the trials know, by name: one more is a file beside this one, and a line here. */
import type { StartChannel } from "./channel.ts";
import { discord } from "./discord.ts";
import { email } from "./email.ts";
import { irc } from "./irc.ts";
import { matrix } from "./matrix.ts";
import { rich, scripted } from "./scripted.ts";
import { slack } from "./slack.ts";
import { telegram } from "./telegram.ts";
import { webhook } from "./webhook.ts";

export const allChannels: Readonly<Record<string, StartChannel>> = {
  scripted,
  rich,
  telegram,
  discord,
  slack,
  irc,
  webhook,
  matrix,
  email,
};
/** All that a home can have at once. */
export const together: readonly string[] = Object.keys(allChannels).filter((name) => name !== "scripted");
