/** What Discord has besides the talk itself: a look at the login, the menu, deleting, polls. */
import { probed } from "@pincer/plugin-sdk/channel/probe";
import { troubleIn } from "@pincer/plugin-sdk/channel/trouble";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { channelActions, MenuEntry, Probe } from "@pincer/plugin-sdk/contracts/channel-actions";
import {
  type APIApplication,
  type APIGatewayBotInfo,
  ApplicationCommandOptionType,
  ApplicationCommandType,
  PollLayoutType,
  Routes,
} from "discord-api-types/v10";
import type { Bot } from "./bot.ts";
import { isGone } from "./failure.ts";
import { contentTrouble } from "./intents.ts";
import type { Outgoing } from "./outgoing.ts";
import { snowflake } from "./snowflake.ts";

/** Discord's own bounds. */
const MOST_COMMANDS = 100;
const DESCRIPTION_LIMIT = 100;
const POLL = { question: 300, option: 55, fewest: 1, most: 10, longestHours: 768, hours: 24 };
const HOUR_MS = 3_600_000;

interface ActionDeps {
  readonly clock: Clock;
  readonly outgoing: Outgoing;
  open(account: string): Promise<Bot>;
}

const cut = (text: string, limit: number): string => (text.length <= limit ? text : `${text.slice(0, limit - 1)}…`);

const isName = (name: string): boolean => /^[-_\p{L}\p{N}]{1,32}$/u.test(name) && name === name.toLowerCase();

/** As Discord has it; a command whose name it does not take is typed all the same. */
function commandOf({ name, description, argument }: MenuEntry) {
  const given = argument && isName(argument.name) ? argument : argument && { ...argument, name: "text" };
  return {
    type: ApplicationCommandType.ChatInput,
    name,
    description: cut(description || name, DESCRIPTION_LIMIT),
    ...(given && {
      options: [
        {
          type: ApplicationCommandOptionType.String,
          name: given.name,
          description: cut(given.description || given.name, DESCRIPTION_LIMIT),
          required: false,
        },
      ],
    }),
  };
}

export function createActions({ clock, outgoing, open }: ActionDeps): ImplementationOf<typeof channelActions> {
  async function probe(account: string, signal: AbortSignal): Promise<Probe> {
    const bot = await open(account);
    const { username, discriminator } = await bot.me(signal);
    const self = discriminator === "0" || discriminator === undefined ? `@${username}` : `@${username}#${discriminator}`;
    const hint = await contentTrouble(bot, signal);
    if (hint !== undefined)
      return { ok: false, self, detail: "Discord does not let this bot read messages (Message Content intent).", hint };
    const { session_start_limit: starts } = await bot.call<APIGatewayBotInfo>({ signal, isSafe: true }, (rest) =>
      rest.get(Routes.gatewayBot()),
    );
    if (starts.remaining < 1) {
      const minutes = Math.ceil(starts.reset_after / 60_000);
      return {
        ok: false,
        self,
        detail: "Discord lets this bot make no further connection today.",
        hint: `is it started over and over? It can connect again in ${minutes} minutes`,
      };
    }
    return { ok: true, self };
  }

  return {
    probe: ({ account }, { signal }) =>
      probed(
        { clock, signal },
        (within) => probe(account, within),
        (error) => troubleIn(error, "is this machine connected to the internet, and channels.discord.apiRoot right?"),
      ),

    async menu({ account, commands }, { signal }) {
      const bot = await open(account);
      const body = commands
        .filter(({ name }) => isName(name))
        .slice(0, MOST_COMMANDS)
        .map(commandOf);
      const { id } = await bot.call<APIApplication>({ signal, isSafe: true }, (rest) => rest.get(Routes.currentApplication()));
      await bot.call({ signal, isSafe: true }, (rest) => rest.put(Routes.applicationCommands(id), { body }));
      return {};
    },

    async remove({ address, messageId }, io) {
      const message = snowflake("message", messageId);
      await outgoing.change(address, io, async (rest, channel) => {
        try {
          return await rest.delete(Routes.channelMessage(channel, message));
        } catch (error) {
          // It is gone already: somebody else, or this call before, has deleted it.
          if (isGone(error)) return undefined;
          throw error;
        }
      });
      return {};
    },

    async poll({ address, question, options, most = 1, durationMs = POLL.hours * HOUR_MS, idempotencyKey }, io) {
      if (question.length > POLL.question || options.length < POLL.fewest || options.length > POLL.most) {
        throw channelErrors.CHANNEL_REJECTED(
          `a poll of Discord's has a question of at most ${POLL.question} characters and ${POLL.fewest} to ${POLL.most} options; came ${question.length} and ${options.length}`,
        );
      }
      const long = options.find((option) => option.length === 0 || option.length > POLL.option);
      if (long !== undefined) throw channelErrors.CHANNEL_REJECTED(`an option has 1 to ${POLL.option} characters; came ${long.length}`);
      const bot = await open(address.account);
      const poll = {
        question: { text: question },
        answers: options.map((text) => ({ poll_media: { text } })),
        duration: Math.min(POLL.longestHours, Math.max(1, Math.round(durationMs / HOUR_MS))),
        allow_multiselect: most > 1,
        layout_type: PollLayoutType.Default,
      };
      return { messageId: await outgoing.create(bot, address, idempotencyKey, { poll }, io) };
    },
  };
}
