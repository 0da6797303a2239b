import { definePlugin } from "@pincer/plugin-sdk";
import { channel, channelErrors, channelSettings } from "@pincer/plugin-sdk/contracts/channel";
import { inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import { Type } from "@sinclair/typebox";
import { createPlatform } from "./platform.ts";

export default definePlugin({
  config: Type.Object({
    ...channelSettings,
    baseUrl: Type.String({ default: "https://chat.example.com", description: "Address of the platform's API" }),
  }),
  uses: { inbox },

  setup(ctx) {
    const platform = createPlatform({
      fetch: ctx.fetch,
      baseUrl: () => ctx.config.baseUrl,
      token: async () => {
        const token = await ctx.secret("MY_CHANNEL_TOKEN");
        if (token === undefined) throw channelErrors.CHANNEL_LOGIN_REQUIRED("no token: pincer secrets set MY_CHANNEL_TOKEN");
        return token;
      },
    });

    ctx.provide(
      channel,
      "my-channel",
      { label: "My channel", textLimit: 4000, markup: "markdown", idempotentSend: false },
      {
        /** Holds the connection until the signal aborts. The gateway starts it again, after a pause, when it throws or ends. */
        async *start({ account, position }, { signal }) {
          let after = position ?? "0";
          try {
            const { name } = await platform.me(signal);
            yield { state: "connected", self: name };
            while (!signal.aborted) {
              for (const update of await platform.updates(after, signal)) {
                // Only once this has answered is the message safe; `position` is kept with it, and comes back at the next start.
                await ctx.uses.inbox.accept(
                  {
                    message: {
                      address: { channel: "my-channel", account, conversation: update.room },
                      eventId: update.id,
                      messageId: update.id,
                      sender: { id: update.from },
                      chat: update.direct ? "direct" : "group",
                      text: update.text,
                      sentAt: update.at,
                    },
                    position: update.id,
                  },
                  { signal: ctx.signal },
                );
                if (Number(update.id) > Number(after)) after = update.id;
              }
            }
          } catch (error) {
            if (!signal.aborted) throw isGatewayError(error) ? error : channelErrors.CHANNEL_UNAVAILABLE(undefined, { cause: error });
          }
          return {};
        },

        send: ({ address, text, replyTo }, { signal }) => platform.post({ room: address.conversation, text, replyTo }, signal),
      },
    );
  },
});
