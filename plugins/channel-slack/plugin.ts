import { definePlugin } from "@pincer/plugin-sdk";
import { Changes, keepConnected } from "@pincer/plugin-sdk/channel/connection";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { createActions } from "./actions.ts";
import { keepAsides } from "./asides.ts";
import { type Bot, openBot } from "./bot.ts";
import { type CredentialName, loginOf, SlackConfig, settingsOf } from "./config.ts";
import { createHandIn } from "./hand-in.ts";
import { createMissed } from "./missed.ts";
import { createNames } from "./names.ts";
import { createOutgoing } from "./outgoing.ts";
import { keepPlaces } from "./places.ts";
import { receiveBySocket } from "./socket.ts";
import { createReceiver, ROUTE } from "./webhook.ts";

export default definePlugin({
  config: SlackConfig,
  uses: { inbox },

  setup(ctx) {
    const { clock, log, store } = ctx;
    const places = keepPlaces(store, clock);
    const asides = keepAsides(store, clock);
    const open = (account: string): Promise<Bot> => openBot(ctx, account);
    const signingSecret = async ({ settings, account }: Bot) => (await loginOf("signingSecret", ctx.secret, settings, account)).value;
    const handIn = createHandIn({ inbox: ctx.uses.inbox, know: createNames(clock), places, asides, clock, log, signal: ctx.signal });
    const prepareMissed = createMissed({ clock, log, handIn, places });
    const receiver = createReceiver({ clock, handIn, log });
    const changes = new Changes();
    ctx.onConfig(changes.tell);
    const outgoing = createOutgoing({ clock, store, log, asides, open });

    async function* connect(account: string, signal: AbortSignal) {
      const bot = await open(account);
      const receiving = { bot, self: await bot.self(signal) };
      const secret = bot.settings.mode === "http" ? await signingSecret(bot) : undefined;
      const fetchMissed = await prepareMissed(receiving);
      const ready = Promise.withResolvers<boolean>();
      const onReady = () => ready.resolve(true);
      const fetching = fetchMissed(ready.promise, signal);
      try {
        if (secret === undefined) yield* receiveBySocket(receiving, { clock, handIn, log, onReady }, signal);
        else yield* receiver.receive(receiving, secret, onReady, signal);
      } finally {
        ready.resolve(false);
        await fetching;
      }
    }

    /** What the connection is made of: settings, and the credentials that its way of receiving needs. */
    async function basis(account: string): Promise<string> {
      const settings = settingsOf(ctx.config, account);
      const names: readonly CredentialName[] = ["token", settings.mode === "http" ? "signingSecret" : "appToken"];
      const logins = names.map((name) =>
        loginOf(name, ctx.secret, settings, account).then(
          ({ value }) => value,
          () => undefined, // silent-ok: there is none, which connecting tells
        ),
      );
      return JSON.stringify([await Promise.all(logins), settings]);
    }

    ctx.provide(
      channel,
      "slack",
      {
        label: "Slack",
        textLimit: 4000,
        markup: "mrkdwn",
        marks: ["bold", "italic", "strike", "code", "code-block", "link", "quote"],
        idempotentSend: false,
        threads: true,
        attachments: true,
        attachmentBytes: 1_000_000_000,
        choices: true,
        // Fifty edits a minute.
        editEveryMs: 2000,
        typingMs: 120_000,
      },
      {
        ...outgoing,
        async *start({ account }, { signal }) {
          const until = async function* (inner: AbortSignal) {
            try {
              yield* connect(account, inner);
            } catch (error) {
              if (!inner.aborted) throw error;
            }
          };
          yield* keepConnected({ clock, basis: () => basis(account), changes, connect: until }, signal);
          return {};
        },
      },
    );
    ctx.provide(channelActions, "slack", {}, createActions({ clock, places, open, signingSecret }));
    ctx.route(ROUTE, { access: "open" }, receiver.route);
  },
});
