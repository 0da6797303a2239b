import { definePlugin } from "@pincer/plugin-sdk";
import { Changes, keepConnected } from "@pincer/plugin-sdk/channel/connection";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { createActions } from "./actions.ts";
import { type Bot, openBot } from "./bot.ts";
import { keepChats } from "./chats.ts";
import { settingsOf, TelegramConfig } from "./config.ts";
import { createHandIn } from "./hand-in.ts";
import { createOutgoing } from "./outgoing.ts";
import { poll } from "./polling.ts";
import { createReceiver, ROUTE, settleWebhook } from "./webhook.ts";

export default definePlugin({
  config: TelegramConfig,
  uses: { inbox },

  setup(ctx) {
    const { clock, log, store } = ctx;
    const chats = keepChats(store);
    const open = (account: string): Promise<Bot> => openBot(ctx, account);
    const handIn = createHandIn({ inbox: ctx.uses.inbox, chats, clock, log, signal: ctx.signal });
    const receiver = createReceiver(handIn, log);
    const changes = new Changes();
    ctx.onConfig(changes.tell);
    const { call, ...outgoing } = createOutgoing({ chats, clock, store, log, open });

    async function* connect(account: string, position: string | undefined, signal: AbortSignal) {
      try {
        const bot = await open(account);
        const me = await bot.me(signal);
        await settleWebhook(bot, signal);
        if (bot.settings.webhook) yield* receiver.receive({ bot, me }, signal);
        else yield* poll({ bot, me, clock, handIn, position }, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }

    ctx.provide(
      channel,
      "telegram",
      {
        label: "Telegram",
        textLimit: 4096,
        textCounts: "read",
        markup: "html",
        marks: ["bold", "italic", "strike", "code", "code-block", "link", "quote"],
        idempotentSend: false,
        threads: true,
        attachments: true,
        attachmentBytes: 50_000_000,
        choices: true,
        // A group takes twenty messages and edits a minute.
        editEveryMs: 3000,
        typingMs: 5000,
      },
      {
        ...outgoing,
        async *start({ account, position }, { signal }) {
          const basis = async () => {
            const token = await open(account).then(
              (bot) => bot.token,
              () => undefined, // silent-ok: there is none, which connecting tells
            );
            return JSON.stringify([token, settingsOf(ctx.config, account)]);
          };
          yield* keepConnected({ clock, basis, changes, connect: (until) => connect(account, position, until) }, signal);
          return {};
        },
      },
    );
    ctx.provide(channelActions, "telegram", {}, createActions({ clock, outgoing: { call, ...outgoing }, open }));
    ctx.route(ROUTE, { access: "open" }, receiver.route);
  },
});
