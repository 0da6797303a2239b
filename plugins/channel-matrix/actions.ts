/** What Matrix has besides the talk itself: a look at the login, its end, deleting. */
import { rm } from "node:fs/promises";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import { fields, text } from "./events.ts";
import { isLoggedOut } from "./failure.ts";
import type { Logins } from "./login.ts";
import type { Outgoing } from "./outgoing.ts";

const PROBE_MS = 8_000;

interface ActionDeps {
  readonly clock: Clock;
  readonly outgoing: Pick<Outgoing, "remove">;
  readonly logins: Logins;
  /** Where the keys of an account lie. */
  keysOf(account: string): string;
}

export function createActions({ clock, outgoing, logins, keysOf }: ActionDeps): ImplementationOf<typeof channelActions> {
  return {
    async probe({ account }, { signal }) {
      using linked = linkSignals(signal);
      using _timer = clock.after(PROBE_MS, () => linked.abort(channelErrors.CHANNEL_UNAVAILABLE(`no answer in ${PROBE_MS} ms`)));
      try {
        const bot = await logins.open(account, linked.signal);
        const self =
          text(fields(await bot.call({ signal: linked.signal, path: "client/v3/account/whoami" }))["user_id"]) ?? bot.login.userId;
        return { ok: true, self, ...(!bot.settings.encryption && { detail: "It takes no part in encrypted rooms." }) };
      } catch (error) {
        if (signal.aborted) throw error;
        const { what, hint } = (isGatewayError(error) ? error.data : undefined) ?? {};
        if (typeof what === "string" && typeof hint === "string") return { ok: false, detail: what, hint };
        return { ok: false, detail: errorMessage(error), hint: "is this machine connected, and channels.matrix.homeserver right?" };
      }
    },

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
