import { definePlugin } from "@pincer/plugin-sdk";
import { Changes, keepConnected } from "@pincer/plugin-sdk/channel/connection";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { createActions } from "./actions.ts";
import { type Bot, BotLimits, openBot } from "./bot.ts";
import { DiscordConfig, settingsOf } from "./config.ts";
import { type Held, holdConnection } from "./connection.ts";
import { createHandIn } from "./hand-in.ts";
import { keepCommands } from "./interactions.ts";
import { keepPlaces } from "./known-places.ts";
import { createOutgoing } from "./outgoing.ts";
import { Places } from "./places.ts";

export default definePlugin({
  config: DiscordConfig,
  uses: { inbox },

  setup(ctx) {
    const { clock, log, store, signal: life } = ctx;
    const limits = new BotLimits();
    const open = (account: string): Promise<Bot> => openBot(ctx, limits, account);
    const commands = keepCommands(store, clock, log);
    const known = keepPlaces(store, clock);
    const handIn = createHandIn({ inbox: ctx.uses.inbox, commands, known, clock, log, signal: life });
    const changes = new Changes();
    ctx.onConfig(changes.tell);
    const { change, create, ...outgoing } = createOutgoing({ clock, store, commands, open });
    const identified = new Map<string, number | undefined>();

    async function* connect(account: string, held: Held, signal: AbortSignal) {
      try {
        const bot = await open(account);
        held.identifiedAt = identified.get(bot.token);
        try {
          yield* holdConnection({ clock, log, handIn, commands, known, signal: life }, bot, held, signal);
        } finally {
          identified.set(bot.token, held.identifiedAt);
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }

    ctx.provide(
      channel,
      "discord",
      {
        label: "Discord",
        textLimit: 2000,
        markup: "markdown",
        marks: ["bold", "italic", "strike", "code", "code-block", "link", "heading", "list", "quote"],
        idempotentSend: true,
        threads: true,
        attachments: true,
        attachmentBytes: 10 * 1024 * 1024,
        choices: true,
        // Five edits in five seconds are taken of a channel, beside everything else that is sent there.
        editEveryMs: 1500,
        typingMs: 10_000,
      },
      {
        ...outgoing,
        async *start({ account, position }, { signal }) {
          const held: Held = { position, identifiedAt: undefined, places: new Places() };
          const basis = async () => {
            const token = await open(account).then(
              (bot) => bot.token,
              () => undefined, // silent-ok: there is none, which connecting tells
            );
            return JSON.stringify([token, settingsOf(ctx.config, account)]);
          };
          yield* keepConnected({ clock, basis, changes, connect: (until) => connect(account, held, until) }, signal);
          return {};
        },
      },
    );
    ctx.provide(channelActions, "discord", {}, createActions({ clock, outgoing: { change, create, ...outgoing }, open }));
  },
});
