/** What a bot asks Discord to be told of (discord.com/developers/docs/events/gateway#gateway-intents), and whether it may. */
import { type APIApplication, ApplicationFlags, GatewayIntentBits, Routes } from "discord-api-types/v10";
import type { Bot } from "./bot.ts";
import type { Settings } from "./config.ts";

const BASE = GatewayIntentBits.Guilds | GatewayIntentBits.GuildMessages | GatewayIntentBits.DirectMessages;

export const intentsOf = ({ messageContent }: Pick<Settings, "messageContent">): number =>
  messageContent ? BASE | GatewayIntentBits.MessageContent : BASE;

export const HOW_TO_ALLOW =
  "turn on the Message Content intent at https://discord.com/developers/applications (your application, Bot, Privileged Gateway Intents), or type: pincer config set channels.discord.messageContent false";

export const CONTENT_INTENT = `Discord does not let this bot read messages: ${HOW_TO_ALLOW}; it is looked at again every 30 s`;

const ALLOWED = ApplicationFlags.GatewayMessageContent | ApplicationFlags.GatewayMessageContentLimited;

/** What is missing for the intents that it asks for; undefined: nothing. */
export async function contentTrouble(bot: Bot, signal: AbortSignal): Promise<string | undefined> {
  if (!bot.settings.messageContent) return undefined;
  const { flags = 0 } = await bot.call<APIApplication>({ signal, isSafe: true }, (rest) => rest.get(Routes.currentApplication()));
  return (flags & ALLOWED) === 0 ? HOW_TO_ALLOW : undefined;
}
