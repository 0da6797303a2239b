import { definePlugin } from "@pincer/plugin-sdk";
import { Changes, keepConnected } from "@pincer/plugin-sdk/channel/connection";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { EmailConfig, readSettings } from "./config.ts";
import type { Mailbox } from "./mailbox.ts";
import { createProbe } from "./probe.ts";
import { receive } from "./receiving.ts";
import { createSending } from "./sending.ts";
import { createThreads } from "./threads.ts";

export default definePlugin({
  config: EmailConfig,
  uses: { inbox },

  setup(ctx) {
    const { clock, log, store } = ctx;
    const boxes = new Map<string, Mailbox>();
    const changes = new Changes();
    ctx.onConfig(changes.tell);
    const threads = createThreads(store, clock);
    const settingsOf = (account: string) => readSettings(ctx.config, ctx.secret, account);

    async function* connect(account: string, position: string | undefined, signal: AbortSignal) {
      const settings = await settingsOf(account);
      const onOpen = (box: Mailbox): Disposable => {
        boxes.set(account, box);
        return { [Symbol.dispose]: () => void (boxes.get(account) === box && boxes.delete(account)) };
      };
      try {
        yield* receive({ account, settings, position, inbox: ctx.uses.inbox, threads, clock, log, signal: ctx.signal, onOpen }, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }

    ctx.provide(
      channel,
      "email",
      {
        label: "E-mail",
        textLimit: 200_000,
        markup: "html",
        // One that was begun is looked for among what was sent, and not sent again.
        idempotentSend: true,
        threads: true,
        attachments: true,
        // What most servers take, 25 MB, as it is once it is encoded.
        attachmentBytes: 17_000_000,
        whole: true,
      },
      {
        async *start({ account, position }, { signal }) {
          const basis = async () => JSON.stringify(await settingsOf(account).catch((error: unknown) => errorMessage(error)));
          yield* keepConnected({ clock, basis, changes, connect: (until) => connect(account, position, until) }, signal);
          return {};
        },
        send: createSending({ threads, clock, store, log, settingsOf, openBox: (account) => boxes.get(account) }),
      },
    );
    ctx.provide(channelActions, "email", {}, { probe: createProbe({ clock, settingsOf }) });
  },
});
