import { definePlugin } from "@pincer/plugin-sdk";
import { inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { outbox } from "@pincer/plugin-sdk/contracts/outbox";
import { skillsChanged } from "@pincer/plugin-sdk/contracts/skill-commands";
import { pluginsChanged } from "@pincer/plugin-sdk/events";
import { registerAccounts } from "./accounts.ts";
import { createAttempts } from "./attempts.ts";
import { runStatus, STATUS_COMMAND } from "./command.ts";
import { DeliveryConfig, defaultsOf } from "./config.ts";
import { createInbox, positionKey } from "./inbound.ts";
import { Lateness } from "./lateness.ts";
import { ChannelManager } from "./manager.ts";
import { Menu } from "./menu.ts";
import { outboundJob } from "./outbound.ts";
import { createOutbox } from "./outbox.ts";
import { createReactions, reactionsJob } from "./reactions.ts";
import { registerSending } from "./sending.ts";
import { createTargets } from "./targets.ts";
import { uses } from "./uses.ts";

export default definePlugin({
  config: DeliveryConfig,
  uses,

  setup(ctx) {
    const { clock, log } = ctx;
    const defaults = () => defaultsOf(ctx.config);
    const lateness = new Lateness({ clock, store: ctx.store, withinMs: () => defaults().answerWithinMs });
    const manager = new ChannelManager({
      clock,
      log,
      config: () => ctx.config,
      channels: ctx.uses.channels,
      onConnection: (channelId, account, isConnected) => {
        lateness.connected(channelId, account, isConnected);
        if (isConnected) void menu.show();
      },
      position: (channelId, account) => ctx.store.get<string>(positionKey(channelId, account)),
    });
    const attempts = createAttempts(clock, defaults);
    const targets = createTargets(ctx);
    const menu = new Menu(ctx, manager, targets);

    const { sendAndWait, deliver, ...members } = createOutbox(ctx, manager, attempts);
    ctx.provide(outbox, "delivery", {}, members);
    ctx.job(outboundJob, deliver);
    ctx.job(reactionsJob, createReactions(ctx));
    ctx.provide(inbox, "delivery", {}, createInbox(ctx, manager, lateness));
    registerAccounts(ctx, manager, targets);
    ctx.command(STATUS_COMMAND, runStatus);
    registerSending(ctx, { targets, attempts, sendAndWait });

    ctx.onConfig(() => manager.sync());
    // A channel that was enabled, or is gone, and commands that there are now.
    ctx.on(pluginsChanged, async () => {
      await manager.sync();
      await menu.show();
    });
    ctx.on(skillsChanged, () => menu.show());
    ctx.service("channels", async (signal) => {
      await manager.open();
      await new Promise<void>((stopped) => signal.addEventListener("abort", () => stopped(), { once: true }));
      await manager.close();
    });
  },
});
