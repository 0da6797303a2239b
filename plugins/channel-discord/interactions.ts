/**
 * Commands of the menu and buttons. Discord wants a sign within three seconds, which says nothing of what is kept; what a command is answered with may
 * come for a quarter of an hour, in place of the sign.
 */
import type { KeyValueStore, Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage } from "@pincer/plugin-sdk/error";
import {
  type APIApplicationCommandInteractionDataOption,
  type APIInteraction,
  ApplicationCommandType,
  ComponentType,
  InteractionResponseType,
  InteractionType,
  Routes,
} from "discord-api-types/v10";
import type { Bot } from "./bot.ts";
import { textOf } from "./buttons.ts";
import { addressOf, groupOf, nameOf } from "./incoming.ts";
import { type Place, placeOf } from "./places.ts";
import { timeOf } from "./snowflake.ts";

/** Discord forgets its token then. */
const TOKEN_MS = 15 * 60_000;
const KEPT = "command:";
const PREFIX = "command-";

/** What stands for a command in `messageId`, since there is no message of it. */
export const isCommandId = (messageId: string): boolean => messageId.startsWith(PREFIX);

interface Kept {
  readonly at: number;
  readonly application: string;
  readonly token: string;
  /** The request that answered it. */
  readonly by?: string;
}

export interface Commands {
  /** Gives Discord its sign, at once. Never throws. */
  sign(bot: Bot, interaction: APIInteraction, signal: AbortSignal): Promise<void>;
  /** Keeps by what a command can be answered. */
  keep(interaction: APIInteraction): Promise<void>;
  /** It will not be answered: the sign goes. */
  drop(bot: Bot, interaction: APIInteraction, signal: AbortSignal): Promise<void>;
  /** By what to answer it, when it is not answered yet, or by this request. */
  take(messageId: string, key: string): Promise<Pick<Kept, "application" | "token"> | undefined>;
}

/** Commands of which is remembered what became of them. */
const MOST = 1_000;

export function keepCommands(store: KeyValueStore, clock: Clock, log: Logger): Commands {
  /** An answer and the end of a sign may meet: the first of them holds. */
  const fates = new Map<string, "answered" | "dropped">();
  const decide = (id: string, fate: "answered" | "dropped"): boolean => {
    const before = fates.get(id) ?? fate;
    if (fates.size >= MOST) fates.delete(fates.keys().next().value ?? "");
    fates.set(id, before);
    return before === fate;
  };

  return {
    async sign(bot, { id, token, type }, signal) {
      const isCommand = type === InteractionType.ApplicationCommand;
      if (!isCommand && type !== InteractionType.MessageComponent) return;
      const body = {
        type: isCommand ? InteractionResponseType.DeferredChannelMessageWithSource : InteractionResponseType.DeferredMessageUpdate,
      };
      try {
        await bot.call({ signal, isSafe: true }, (rest) => rest.post(Routes.interactionCallback(id, token), { body, auth: false }));
      } catch (error) {
        // One that was handed out again has its sign, or can have none any more; what it says counts all the same.
        log.debug("discord.interaction-unsigned", { account: bot.account, error: errorMessage(error) });
      }
    },

    async keep({ id, application_id, token }) {
      const kept = await store.list<Kept>(KEPT);
      // One that is handed out again may have its answer.
      if (kept.some(({ key }) => key === `${KEPT}${id}`)) return;
      const old = kept.filter(({ value }) => value.at < clock.now() - TOKEN_MS);
      await store.set({
        ...Object.fromEntries(old.map(({ key }) => [key, undefined])),
        [`${KEPT}${id}`]: { at: clock.now(), application: application_id, token } satisfies Kept,
      });
    },

    async drop(bot, { id, application_id, token }, signal) {
      if (!decide(id, "dropped")) return;
      await store.set({ [`${KEPT}${id}`]: undefined });
      try {
        await bot.call({ signal, isSafe: true }, (rest) => rest.delete(Routes.webhookMessage(application_id, token), { auth: false }));
      } catch (error) {
        log.debug("discord.interaction-undropped", { account: bot.account, error: errorMessage(error) });
      }
    },

    async take(messageId, key) {
      const id = messageId.slice(PREFIX.length);
      if (!decide(id, "answered")) return undefined;
      const name = `${KEPT}${id}`;
      const kept = await store.get<Kept>(name);
      if (!kept || (kept.by ?? key) !== key || kept.at < clock.now() - TOKEN_MS) return undefined;
      if (kept.by === undefined) await store.set({ [name]: { ...kept, by: key } satisfies Kept });
      return kept;
    },
  };
}

const argumentsOf = (options: readonly APIApplicationCommandInteractionDataOption[] = []): string[] =>
  options.flatMap((option) => ("value" in option ? [String(option.value)] : [option.name, ...argumentsOf(option.options)]));

/** The place that Discord describes beside it. */
export function placeOfInteraction({ channel, channel_id: id, guild_id: guild }: APIInteraction): Place | undefined {
  if (channel) return placeOf(channel as Parameters<typeof placeOf>[0], guild);
  return id === undefined ? undefined : { id, ...(guild === undefined ? {} : { guild }) };
}

/** Undefined for what Discord has besides, such as forms. */
export function readInteraction(
  interaction: APIInteraction,
  account: string,
  channelName: (id: string) => string | undefined,
): InboundMessage | undefined {
  const place = placeOfInteraction(interaction);
  const user = interaction.member?.user ?? interaction.user;
  if (!place || !user) return undefined;
  const said = {
    address: addressOf(account, place),
    eventId: `interaction:${interaction.id}`,
    sender: { id: user.id, name: nameOf(user, interaction.member?.nick), ...(user.bot ? { bot: true } : {}) },
    ...groupOf(place, channelName),
    sentAt: timeOf(interaction.id),
  };
  if (interaction.type === InteractionType.ApplicationCommand && interaction.data.type === ApplicationCommandType.ChatInput) {
    const { name, options } = interaction.data;
    return { ...said, messageId: `${PREFIX}${interaction.id}`, mentioned: true, text: [`/${name}`, ...argumentsOf(options)].join(" ") };
  }
  if (interaction.type === InteractionType.MessageComponent && interaction.data.component_type === ComponentType.Button) {
    // Who presses a button of the bot's answers the bot.
    return {
      ...said,
      mentioned: false,
      text: textOf(interaction.data.custom_id),
      replyTo: { messageId: interaction.message.id, own: true },
    };
  }
  return undefined;
}
