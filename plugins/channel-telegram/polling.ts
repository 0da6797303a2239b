/** An account that asks Telegram for its messages: one request waits, and the next says up to where they are kept. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ChannelStatus } from "@pincer/plugin-sdk/contracts/channel";
import type { Update, UserFromGetMe } from "grammy/types";
import type { Bot } from "./bot.ts";
import { isConflict } from "./failure.ts";
import { type HandIn, WANTED } from "./hand-in.ts";

/** Telegram hands each message to one of those who ask; so as not to take turns with another for ever, this one steps back. */
const CONFLICT_PAUSE_MS = 30_000;

const CONFLICT =
  "another program asks for this bot's messages (Telegram: conflict). Stop that one, or let @BotFather revoke the token (/revoke) and use the new one here; it is tried again every 30 s";

interface Polling {
  readonly bot: Bot;
  readonly me: UserFromGetMe;
  readonly clock: Clock;
  readonly handIn: HandIn;
  readonly position: string | undefined;
}

/** Ends with the signal. */
export async function* poll({ bot, me, clock, handIn, position }: Polling, signal: AbortSignal): AsyncGenerator<ChannelStatus, void, void> {
  const self = `@${me.username}`;
  let offset = position === undefined ? undefined : Number(position) + 1;
  let isConnected = false;
  while (!signal.aborted) {
    let updates: readonly Update[];
    try {
      // The first answer says that there is a connection, so it is not waited for.
      const timeout = isConnected ? bot.settings.pollSeconds : 0;
      updates = await bot.attempt({ signal, isSafe: true, extraMs: timeout * 1000 }, (api) =>
        api.getUpdates({ ...(offset !== undefined && { offset }), timeout, allowed_updates: [...WANTED] }),
      );
    } catch (error) {
      if (signal.aborted) return;
      if (!isConflict(error)) throw bot.failure(error, true);
      isConnected = false;
      yield { state: "reconnecting", detail: CONFLICT, self };
      try {
        await clock.sleep(CONFLICT_PAUSE_MS, signal);
      } catch {
        return; // silent-ok: asked to end while it waits
      }
      continue;
    }
    if (!isConnected) {
      isConnected = true;
      yield { state: "connected", self };
    }
    await handIn({ bot, me, updates, isPolled: true, until: signal });
    // As Telegram numbers them today: after a quiet week it begins anew, anywhere.
    if (updates.length > 0) offset = Math.max(...updates.map(({ update_id }) => update_id)) + 1;
  }
}
