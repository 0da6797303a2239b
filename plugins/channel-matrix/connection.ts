/** An account's connection: logged in, its keys open, and the news of its rooms handed in; and what becomes of a login that ends. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ChannelStatus } from "@pincer/plugin-sdk/contracts/channel";
import type { inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { hasCode } from "@pincer/plugin-sdk/error";
import { openEncryption } from "./crypto/encryption.ts";
import type { HeldEncryptions } from "./crypto/held.ts";
import type { HandIn } from "./hand-in.ts";
import type { Invitations } from "./invitations.ts";
import type { Bot, Logins } from "./login.ts";
import type { Rooms } from "./rooms.ts";
import { type Held, sync } from "./syncing.ts";

interface ConnectDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly inbox: ImplementationOf<typeof inbox>;
  readonly handIn: HandIn;
  readonly invitations: Invitations;
  readonly logins: Logins;
  readonly encryptions: HeldEncryptions;
  roomsOf(account: string): Rooms;
  keysOf(account: string): string;
}

/** Between two logins with a password that end at once. */
const RENEW_MS = 60_000;

export function createConnect(deps: ConnectDeps) {
  const { clock, log, logins, encryptions, roomsOf, keysOf } = deps;

  async function* hold(bot: Bot, held: Held, signal: AbortSignal): AsyncGenerator<ChannelStatus, void, void> {
    const { account, settings } = bot;
    await using opened = new AsyncDisposableStack();
    const encryption = settings.encryption ? await openEncryption({ bot, folder: keysOf(account), log, signal }) : undefined;
    if (encryption) opened.use(encryptions.hold(account, encryption));
    const rooms = roomsOf(account);
    rooms.clear();
    yield* sync(deps, { bot, rooms, encryption }, held, signal);
  }

  return async function* connect(account: string, held: Held, signal: AbortSignal): AsyncGenerator<ChannelStatus, void, void> {
    let renewedAt: number | undefined;
    for (;;) {
      let bot: Bot | undefined;
      try {
        bot = await logins.open(account, signal);
        yield* hold(bot, held, signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        const isRecent = renewedAt !== undefined && clock.monotonic() - renewedAt < RENEW_MS;
        if (bot === undefined || isRecent || !hasCode(error, "CHANNEL_LOGIN_REQUIRED")) throw error;
        renewedAt = clock.monotonic();
        const isSoft = error.data?.["softLogout"] === true;
        if (!(await logins.renew(bot, isSoft, signal))) throw error;
        log.info("matrix.logged-in-anew", { account, isSoft });
      }
    }
  };
}
