/** What Matrix has besides the talk itself: a look at the login, its end, deleting. */

import { rm } from "node:fs/promises";
import { probed } from "@pincer/plugin-sdk/channel/probe";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import { fields, text } from "./events.ts";
import { isLoggedOut } from "./failure.ts";
import type { Logins } from "./login.ts";
import type { Outgoing } from "./outgoing.ts";

interface ActionDeps {
  readonly clock: Clock;
  readonly outgoing: Pick<Outgoing, "remove">;
  readonly logins: Logins;
  /** Where the keys of an account lie. */
  keysOf(account: string): string;
}

export function createActions({ clock, outgoing, logins, keysOf }: ActionDeps): ImplementationOf<typeof channelActions> {
  return {
    probe: ({ account }, { signal }) =>
      probed(
        { clock, signal },
        async (within) => {
          const bot = await logins.open(account, within);
          const self = text(fields(await bot.call({ signal: within, path: "client/v3/account/whoami" }))["user_id"]) ?? bot.login.userId;
          return { ok: true, self, ...(!bot.settings.encryption && { detail: "It takes no part in encrypted rooms." }) };
        },
        (error) => {
          const { what, hint } = (isGatewayError(error) ? error.data : undefined) ?? {};
          if (typeof what === "string" && typeof hint === "string") return { detail: what, hint };
          return { detail: errorMessage(error), hint: "is this machine connected, and channels.matrix.homeserver right?" };
        },
      ),

    async logout({ account }, { signal }) {
      const bot = await logins.open(account, signal);
      try {
        await bot.attempt({ signal, method: "POST", path: "client/v3/logout", body: {}, isSafe: true });
      } catch (error) {
        // It is over already.
        if (!isLoggedOut(error)) throw bot.failure(error, true);
      }
      await logins.forget(bot);
      // Nobody writes to that device any more, and nobody else may read what was written to it.
      await rm(keysOf(account), { recursive: true, force: true });
      return {};
    },

    async remove({ address, messageId }, { signal }) {
      await outgoing.remove(address, messageId, signal);
      return {};
    },
  };
}
