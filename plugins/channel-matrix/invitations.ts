/** Invitations: kept until they are followed or are over, so that one whose sender is let in later is followed then. */
import type { KeyValueStore, Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage, hasCode } from "@pincer/plugin-sdk/error";
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import { type News, text } from "./events.ts";
import type { Bot } from "./login.ts";
import { roomPath } from "./rooms.ts";

interface Invited {
  readonly room: string;
  readonly by: string;
  readonly name?: string;
  readonly isDirect: boolean;
  readonly at: number;
}

/** Anybody may invite: so many are remembered, the latest. */
const MOST = 50;
const KEPT_MS = 30 * 24 * 3_600_000;

interface InvitationDeps {
  readonly inbox: ImplementationOf<typeof inbox>;
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly log: Logger;
}

const prefixOf = (account: string): string => `invited:${account}:`;

export function keepInvitations({ inbox, store, clock, log }: InvitationDeps) {
  /** Whether who invites may write in that room. Each question is one of its own: what was refused before may be let in now. */
  async function isWelcome(bot: Bot, { room, by, name, isDirect }: Invited, signal: AbortSignal): Promise<boolean> {
    const { invites } = bot.settings;
    if (invites !== "allowed") return invites === "anyone";
    const now = clock.now();
    const { admit } = await inbox.admits(
      {
        message: {
          address: { channel: "matrix", account: bot.account, conversation: room },
          eventId: `invitation:${room}:${now}`,
          sender: { id: by, ...(name !== undefined && { name }) },
          ...(isDirect ? { chat: "direct" as const } : { chat: "group" as const, group: { id: room } }),
          mentioned: true,
          text: "",
          sentAt: now,
        },
      },
      { signal },
    );
    return admit;
  }

  return {
    async learn(bot: Bot, { invitations, rooms, left }: News): Promise<void> {
      const over = [...left, ...rooms.map(({ id }) => id)].map((room) => [`${prefixOf(bot.account)}${room}`, undefined] as const);
      const fresh = invitations.flatMap(({ room, state }) => {
        const own = state.find(({ type, state_key }) => type === "m.room.member" && state_key === bot.login.userId);
        if (own === undefined || own.content["membership"] !== "invite") return [];
        const from = state.find(({ type, state_key }) => type === "m.room.member" && state_key === own.sender);
        const name = visibleText(text(from?.content["displayname"]) ?? "").slice(0, 200);
        const invited: Invited = {
          ...{ room, by: own.sender, at: clock.now(), isDirect: own.content["is_direct"] === true },
          ...(name !== "" && { name }),
        };
        return [[`${prefixOf(bot.account)}${room}`, invited] as const];
      });
      const changes = Object.fromEntries([...over, ...fresh]);
      if (Object.keys(changes).length > 0) await store.set(changes);
    },

    /** Never throws but when the login is over or the signal aborts. */
    async follow(bot: Bot, signal: AbortSignal): Promise<void> {
      const kept = (await store.list<Invited>(prefixOf(bot.account))).toSorted((a, b) => b.value.at - a.value.at);
      for (const [index, { key, value }] of kept.entries()) {
        if (signal.aborted) return;
        const isOver = index >= MOST || Math.abs(clock.now() - value.at) > KEPT_MS;
        if (!isOver && !(await isWelcome(bot, value, signal))) continue;
        try {
          if (!isOver) await bot.call({ signal, method: "POST", path: roomPath(value.room, "join"), body: {}, isSafe: true });
        } catch (error) {
          if (signal.aborted || hasCode(error, "CHANNEL_LOGIN_REQUIRED")) throw error;
          log.warn("matrix.invitation-unfollowed", { account: bot.account, room: value.room, error: errorMessage(error) });
          // What may go better later is tried with the next sync.
          if (!hasCode(error, "CHANNEL_REJECTED")) continue;
        }
        await store.set({ [key]: undefined });
      }
    },
  };
}
export type Invitations = ReturnType<typeof keepInvitations>;
