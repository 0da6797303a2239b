import { definePlugin } from "@pincer/plugin-sdk";
import { Changes, keepConnected } from "@pincer/plugin-sdk/channel/connection";
import { troubleIn } from "@pincer/plugin-sdk/channel/trouble";
import { channel, channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { IrcConfig, readSettings } from "./config.ts";
import { type Held, Session } from "./session.ts";

export default definePlugin({
  config: IrcConfig,
  uses: { inbox },

  setup(ctx) {
    const { clock, log } = ctx;
    const sessions = new Map<string, Session>();
    const changes = new Changes();
    ctx.onConfig(changes.tell);
    const reactions = new Map<string, Map<string, string>>();
    const reactionsOf = (account: string) => {
      const known = reactions.get(account) ?? new Map<string, string>();
      reactions.set(account, known);
      return known;
    };
    const sessionOf = (account: string): Session => {
      const session = sessions.get(account);
      if (!session) throw channelErrors.CHANNEL_UNAVAILABLE(`the account "${account}" is not connected`);
      return session;
    };
    const settingsOf = (account: string) => readSettings(ctx.config, ctx.secret, account);

    async function* connect(account: string, held: Held, signal: AbortSignal) {
      const settings = await settingsOf(account);
      const session = new Session({
        account,
        settings,
        held,
        inbox: ctx.uses.inbox,
        clock,
        log,
        reactions: reactionsOf(account),
        signal: ctx.signal,
      });
      try {
        for await (const status of session.run(signal)) {
          if (status.state === "connected") sessions.set(account, session);
          yield status;
        }
      } finally {
        if (sessions.get(account) === session) sessions.delete(account);
      }
    }

    ctx.provide(
      channel,
      "irc",
      {
        label: "IRC",
        // A line has 512 bytes, of which sender, target and command take their part.
        textLimit: 340,
        textUnit: "utf8",
        oneLine: true,
        markup: "plain",
        idempotentSend: false,
        typingMs: 6_000,
      },
      {
        async *start({ account, position }, { signal }) {
          const basis = async () => JSON.stringify(await settingsOf(account).catch((error: unknown) => errorMessage(error)));
          const held: Held = { position };
          yield* keepConnected({ clock, basis, changes, connect: (until) => connect(account, held, until) }, signal);
          return {};
        },

        async send({ address, text, replyTo, idempotencyKey }, { signal }) {
          const session = sessionOf(address.account);
          return { messageId: (await session.say(address.conversation, text, replyTo, signal)) ?? idempotencyKey };
        },

        async typing({ address }) {
          sessionOf(address.account).typing(address.conversation);
          return {};
        },

        async react({ address, messageId, emoji }) {
          sessionOf(address.account).react(address.conversation, messageId, emoji);
          return {};
        },
      },
    );
    ctx.provide(
      channelActions,
      "irc",
      {},
      {
        async probe({ account }) {
          try {
            const { login, nick, tls } = await settingsOf(account);
            const session = sessions.get(account);
            if (!session) return { ok: false, detail: "It is not connected.", hint: "pincer channels status says why" };
            if (session.me !== nick)
              return { ok: true, self: session.me, detail: `The nick ${nick} is in use; it is asked for every minute.` };
            if (!tls)
              return { ok: true, self: nick, detail: "The connection is not encrypted.", hint: "pincer config set channels.irc.tls true" };
            return { ok: true, self: nick, ...(login === "none" && { detail: "It is not logged in: anybody can take its nick." }) };
          } catch (error) {
            return { ok: false, ...troubleIn(error) };
          }
        },
      },
    );
  },
});
