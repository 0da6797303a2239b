import { definePlugin } from "@pincer/plugin-sdk";
import { Changes, keepConnected } from "@pincer/plugin-sdk/channel/connection";
import { troubleIn } from "@pincer/plugin-sdk/channel/trouble";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { refusedAddress, secretOf, settingsOf, WebhookConfig } from "./config.ts";
import { post, postingOf } from "./posting.ts";
import { createReceiver, ROUTE } from "./receiver.ts";
import { Waiting } from "./waiting.ts";

export default definePlugin({
  config: WebhookConfig,
  uses: { inbox },

  setup(ctx) {
    const { clock, log } = ctx;
    const waiting = new Waiting();
    const changes = new Changes();
    ctx.onConfig(changes.tell);
    const isAccount = (account: string) => Object.hasOwn(ctx.config.accounts ?? { default: {} }, account);
    const receiver = createReceiver({ inbox: ctx.uses.inbox, clock, log, waiting, signal: ctx.signal, isAccount });

    async function open(account: string) {
      const settings = settingsOf(ctx.config, account);
      return { account, settings, secret: await secretOf(ctx.secret, settings, account) };
    }

    ctx.provide(
      channel,
      "webhook",
      {
        label: "Webhook",
        textLimit: 500_000,
        markup: "markdown",
        idempotentSend: true,
        whole: true,
        threads: true,
        attachments: true,
        attachmentBytes: 20_000_000,
        choices: true,
      },
      {
        async *start({ account }, { signal }) {
          const basis = async () => {
            const opened = await open(account).catch((error: unknown) => errorMessage(error));
            return JSON.stringify(opened);
          };
          const connect = async function* (until: AbortSignal) {
            yield* receiver.receive(await open(account), until);
          };
          yield* keepConnected({ clock, basis, changes, connect }, signal);
          return {};
        },

        async send(request, { signal }) {
          const posting = postingOf(request);
          if (waiting.give(request.address, request.replyTo, posting)) return { messageId: posting.id };
          const { settings, secret } = await open(request.address.account);
          await post({ clock, settings, secret, fetch: ctx.fetch }, posting, signal);
          return { messageId: posting.id };
        },
      },
    );
    ctx.provide(
      channelActions,
      "webhook",
      {},
      {
        async probe({ account }) {
          try {
            const { settings } = await open(account);
            const self = `${ROUTE}/${account}`;
            if (settings.url === undefined)
              return {
                ok: true,
                self,
                detail: "Only who waits is answered.",
                hint: 'to have answers posted: pincer config set channels.webhook.url "https://..."',
              };
            const refused = refusedAddress(settings);
            return refused === undefined ? { ok: true, self } : { ok: false, self, detail: refused, hint: "see docs/channels/webhook.md" };
          } catch (error) {
            return { ok: false, ...troubleIn(error) };
          }
        },
      },
    );
    ctx.route(ROUTE, { access: "open" }, receiver.route);
  },
});
