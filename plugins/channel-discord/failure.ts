/** What Discord answers instead, in the codes that delivery acts on. */

import { DiscordAPIError } from "@discordjs/rest";
import { loginRequired, rejected } from "@pincer/plugin-sdk/channel/trouble";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { howToLogIn } from "./config.ts";

/** Discord's codes (discord.com/developers/docs/topics/opcodes-and-status-codes#json) that something else follows from. */
const UNKNOWN_CHANNEL = 10_003;
const UNKNOWN_MESSAGE = 10_008;
const UNKNOWN_WEBHOOK = 10_015;
const UNKNOWN_INTERACTION = 10_062;
const ALREADY_ANSWERED = 40_060;
const MISSING_ACCESS = 50_001;
const NO_DIRECT_MESSAGES = 50_007;
const NOT_A_TEXT_CHANNEL = 50_008;
const MISSING_PERMISSIONS = 50_013;
const INVALID_WEBHOOK_TOKEN = 50_027;
const TOO_LARGE = 40_005;

const hasCode = (error: unknown, ...codes: readonly number[]): boolean =>
  error instanceof DiscordAPIError && codes.includes(Number(error.code));

export const isGone = (error: unknown): boolean => hasCode(error, UNKNOWN_MESSAGE);
/** Nothing can be read there, now or later. */
export const isClosed = (error: unknown): boolean =>
  hasCode(error, UNKNOWN_CHANNEL, MISSING_ACCESS, NOT_A_TEXT_CHANNEL, MISSING_PERMISSIONS);
/** The answer to a command came too late, or another has answered it. */
export const isSpent = (error: unknown): boolean =>
  hasCode(error, UNKNOWN_WEBHOOK, UNKNOWN_INTERACTION, INVALID_WEBHOOK_TOKEN, ALREADY_ANSWERED, UNKNOWN_MESSAGE);

const hints: Readonly<Record<number, string>> = {
  [UNKNOWN_CHANNEL]: "it is gone, or the bot cannot see it",
  [MISSING_ACCESS]: "give the bot's role the permission View Channel there, or invite the bot to the server",
  [MISSING_PERMISSIONS]:
    "give the bot's role what it needs there: Send Messages, Send Messages in Threads, Attach Files, Add Reactions, Read Message History",
  [NO_DIRECT_MESSAGES]: "they take no direct messages from the bot: they must share a server with it, and allow them there",
  [NOT_A_TEXT_CHANNEL]: "in a forum name the post, which is a thread",
  [TOO_LARGE]: "the files are larger than this server takes",
};

interface Where {
  /** Repeating the call does no harm. */
  readonly isSafe: boolean;
  /** The secret that holds the token. */
  readonly secret: string | undefined;
}

/** `error` is what a call of the SDK threw. Neither the token nor what was sent stands in the result. */
export function failureOf(error: unknown, { isSafe, secret }: Where): unknown {
  if (!(error instanceof DiscordAPIError)) return error;
  const { status, message } = error;
  const code = Number(error.code);
  const said = `Discord says: ${message.replaceAll("\n", "; ").slice(0, 500)}${code > 0 ? ` (${code})` : ""}`;
  if (status === 401) return loginRequired("Discord does not accept the bot token", howToLogIn(secret));
  if (status >= 500) return isSafe ? channelErrors.CHANNEL_UNAVAILABLE(said) : channelErrors.CHANNEL_UNCERTAIN(said);
  const hint = hints[code];
  return hint === undefined ? channelErrors.CHANNEL_REJECTED(said) : rejected(said, hint);
}
