/** What Slack has besides the talk itself: a look at the login, its end, deleting. The menu of commands stands in the app's own settings. */
import { probed } from "@pincer/plugin-sdk/channel/probe";
import { troubleIn } from "@pincer/plugin-sdk/channel/trouble";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { channelActions, Probe } from "@pincer/plugin-sdk/contracts/channel-actions";
import type { Bot } from "./bot.ts";
import { howToAdd, isGone } from "./failure.ts";
import { isFile, messageOf } from "./outgoing.ts";
import type { Places } from "./places.ts";

/** Without which nothing works, and what is lost without each other one. */
const NEEDED = "chat:write";
const USEFUL: Readonly<Record<string, string>> = {
  "im:history": "direct messages",
  "app_mentions:read": "mentions in channels",
  "channels:history": "what is written in public channels",
  "groups:history": "what is written in private channels",
  "files:read": "files that people send",
  "files:write": "files that it sends",
  "users:read": "people's names",
  "reactions:read": "reactions",
  "reactions:write": "reactions",
};

interface ActionDeps {
  readonly clock: Clock;
  readonly places: Places;
  open(account: string): Promise<Bot>;
  /** Throws `CHANNEL_LOGIN_REQUIRED` when Slack's calls could not be told from others'. */
  signingSecret(bot: Bot): Promise<string>;
}

export function createActions({ clock, places, open, signingSecret }: ActionDeps): ImplementationOf<typeof channelActions> {
  async function probe(account: string, signal: AbortSignal): Promise<Probe> {
    const bot = await open(account);
    const { name, scopes } = await bot.self(signal);
    const self = `@${name}`;
    if (scopes && !scopes.includes(NEEDED))
      return { ok: false, self, detail: `The app may not write: it lacks ${NEEDED}.`, hint: howToAdd([NEEDED]) };
    if (bot.settings.mode === "socket") await bot.socketUrl(signal);
    else await signingSecret(bot);
    const missing = Object.keys(USEFUL).filter((scope) => scopes && !scopes.includes(scope));
    if (missing.length === 0) return { ok: true, self };
    const lost = [...new Set(missing.map((scope) => USEFUL[scope]))].join(", ");
    return { ok: true, self, detail: `The app lacks scopes, and so: ${lost}.`, hint: howToAdd(missing) };
  }

  return {
    probe: ({ account }, { signal }) =>
      probed(
        { clock, signal },
        (within) => probe(account, within),
        (error) => troubleIn(error, "is this machine connected to the internet, and channels.slack.slackApiUrl right?"),
      ),

    async logout({ account }, { signal }) {
      const bot = await open(account);
      await bot.call({ signal, isSafe: true }, (api) => api.auth.revoke());
      await places.forget(account);
      return {};
    },

    async remove({ address, messageId }, { signal }) {
      const bot = await open(address.account);
      try {
        const io = { signal, isSafe: true };
        if (isFile(messageId)) await bot.attempt(io, (api) => api.files.delete({ file: messageId }));
        else {
          const ts = await messageOf(bot, address, messageId, signal);
          await bot.attempt(io, (api) => api.chat.delete({ channel: address.conversation, ts }));
        }
      } catch (error) {
        // It is gone already: somebody else, or this call before, has deleted it.
        if (!isGone(error)) throw bot.failure(error, true);
      }
      return {};
    },
  };
}
