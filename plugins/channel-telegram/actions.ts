/** What Telegram has besides the talk itself: a look at the login, the menu, deleting, polls. */

import { probed } from "@pincer/plugin-sdk/channel/probe";
import { troubleIn } from "@pincer/plugin-sdk/channel/trouble";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { channelActions, MenuEntry, Probe } from "@pincer/plugin-sdk/contracts/channel-actions";
import type { Bot } from "./bot.ts";
import { isGone } from "./failure.ts";
import { numberOf, type Outgoing } from "./outgoing.ts";
import { webhookTrouble } from "./webhook.ts";

/** Telegram's own bounds. */
const MOST_COMMANDS = 100;
const DESCRIPTION_LIMIT = 256;
const POLL = { question: 300, option: 100, fewest: 2, most: 12, shortestMs: 5_000, longestMs: 2_628_000_000 };

interface ActionDeps {
  readonly clock: Clock;
  readonly outgoing: Outgoing;
  open(account: string): Promise<Bot>;
}

const cut = (text: string, limit: number): string => (text.length <= limit ? text : `${text.slice(0, limit - 1)}…`);

const isCommand = ({ name }: MenuEntry): boolean => /^[a-z0-9_]{1,32}$/.test(name);

export function createActions({ clock, outgoing, open }: ActionDeps): ImplementationOf<typeof channelActions> {
  async function probe(account: string, signal: AbortSignal): Promise<Probe> {
    const bot = await open(account);
    const me = await bot.me(signal);
    const self = `@${me.username}`;
    const trouble = await webhookTrouble(bot, clock.now(), signal);
    if (trouble) return { ok: false, self, ...trouble };
    const { groups = {} } = bot.settings;
    const readsAll = Object.values(groups).some(({ policy }) => policy === "allow");
    if (readsAll && !me.can_read_all_group_messages) {
      const hint = "send /setprivacy to @BotFather, choose the bot and Disable; then remove the bot from the group and add it again";
      return {
        ok: true,
        self,
        detail: "In groups Telegram shows it only what is meant for it, although a group has the policy allow.",
        hint,
      };
    }
    return { ok: true, self };
  }

  return {
    probe: ({ account }, { signal }) =>
      probed(
        { clock, signal },
        (within) => probe(account, within),
        (error) => troubleIn(error, "is this machine connected to the internet, and channels.telegram.apiRoot right?"),
      ),

    async menu({ account, commands }, { signal }) {
      const bot = await open(account);
      const shown = commands.filter(isCommand).slice(0, MOST_COMMANDS);
      await bot.call({ signal, isSafe: true }, (api) =>
        shown.length === 0
          ? api.deleteMyCommands({})
          : api.setMyCommands({
              commands: shown.map(({ name, description }) => ({ command: name, description: cut(description || name, DESCRIPTION_LIMIT) })),
            }),
      );
      return {};
    },

    async remove({ address, messageId }, { signal }) {
      const message_id = numberOf("message", messageId);
      await outgoing.call(address, { signal, isSafe: true }, async (api, { chat_id }) => {
        try {
          return await api.deleteMessage({ chat_id, message_id });
        } catch (error) {
          // It is gone already: somebody else, or this call before, has deleted it.
          if (isGone(error)) return true;
          throw error;
        }
      });
      return {};
    },

    async poll({ address, question, options, most = 1, durationMs }, { signal }) {
      if (question.length > POLL.question || options.length < POLL.fewest || options.length > POLL.most) {
        throw channelErrors.CHANNEL_REJECTED(
          `a poll of Telegram's has a question of at most ${POLL.question} characters and ${POLL.fewest} to ${POLL.most} options; came ${question.length} and ${options.length}`,
        );
      }
      const long = options.find((option) => option.length === 0 || option.length > POLL.option);
      if (long !== undefined) throw channelErrors.CHANNEL_REJECTED(`an option has 1 to ${POLL.option} characters; came ${long.length}`);
      const open_period =
        durationMs === undefined ? undefined : Math.round(Math.min(POLL.longestMs, Math.max(POLL.shortestMs, durationMs)) / 1000);
      const { message_id } = await outgoing.call(address, { signal }, (api, target) =>
        api.sendPoll({
          ...target,
          question,
          options: options.map((text) => ({ text })),
          allows_multiple_answers: most > 1,
          is_anonymous: false,
          ...(open_period !== undefined && { open_period }),
        }),
      );
      return { messageId: String(message_id) };
    },
  };
}
