/** Keeps the menu of commands that platforms show in step with the commands that there are. */
import type { PluginContext } from "@pincer/plugin-sdk";
import type { MenuEntry } from "@pincer/plugin-sdk/contracts/channel-actions";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { DeliveryConfig } from "./config.ts";
import { commandsList } from "./gateway-methods.ts";
import type { ChannelManager } from "./manager.ts";
import type { Targets } from "./targets.ts";
import type { uses } from "./uses.ts";

export class Menu {
  readonly #ctx: PluginContext<DeliveryConfig, typeof uses>;
  readonly #manager: ChannelManager;
  readonly #targets: Targets;
  /** What each account shows, as far as this process has set it. */
  readonly #shown = new Map<string, string>();
  #showing: Promise<void> = Promise.resolve();

  constructor(ctx: PluginContext<DeliveryConfig, typeof uses>, manager: ChannelManager, targets: Targets) {
    this.#ctx = ctx;
    this.#manager = manager;
    this.#targets = targets;
  }

  /** Shows the commands on every account that is connected and shows others. One that fails is tried at the next occasion. */
  show(): Promise<void> {
    this.#showing = this.#showing.then(async () => {
      const { log, signal } = this.#ctx;
      const accounts = this.#manager
        .states()
        .filter(({ connected, channel }) => connected && this.#targets.actionsOf(channel)?.menu !== undefined);
      if (accounts.length === 0 || signal.aborted) return;
      try {
        const commands = await this.#commands();
        const wanted = JSON.stringify(commands);
        const changed = accounts.filter(({ channel, account }) => this.#shown.get(`${channel}/${account}`) !== wanted);
        await Promise.all(
          changed.map(async ({ channel, account }) => {
            try {
              await this.#targets.actionsOf(channel)?.menu?.({ account, commands }, { signal });
              this.#shown.set(`${channel}/${account}`, wanted);
            } catch (error) {
              log.warn("menu.failed", { channel, account, error: errorMessage(error) });
            }
          }),
        );
      } catch (error) {
        if (!signal.aborted) log.warn("menu.failed", { error: errorMessage(error) });
      }
    });
    return this.#showing;
  }

  async #commands(): Promise<MenuEntry[]> {
    const { commands } = await this.#ctx.call(commandsList, { scope: "text", includeArgs: true }, { signal: this.#ctx.signal });
    return commands.map(({ name, description, args }) => {
      const [argument] = args ?? [];
      return {
        name,
        description,
        ...(argument === undefined ? {} : { argument: { name: argument.name, description: argument.description } }),
      };
    });
  }
}
