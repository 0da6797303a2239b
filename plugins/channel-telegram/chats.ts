/**
 * A group that becomes a supergroup gets another id, at a moment that nobody chooses. Here it keeps its first one: the conversation goes on, and
 * what the configuration says of the group still holds.
 */
import type { KeyValueStore } from "@pincer/plugin-sdk";

const firstOf = (account: string, chat: string) => `chat-first:${account}:${chat}`;
const nowOf = (account: string, chat: string) => `chat-now:${account}:${chat}`;

export interface Chats {
  /** Under which the conversation is known here. */
  known(account: string, chat: string): Promise<string>;
  /** Under which Telegram has it. */
  current(account: string, conversation: string): Promise<string>;
  /** Both as Telegram says them. */
  moved(account: string, from: string, to: string): Promise<void>;
}

export function keepChats(store: KeyValueStore): Chats {
  const known: Chats["known"] = async (account, chat) => (await store.get<string>(firstOf(account, chat))) ?? chat;
  return {
    known,
    current: async (account, conversation) => (await store.get<string>(nowOf(account, conversation))) ?? conversation,
    async moved(account, from, to) {
      if (from === to) return;
      const first = await known(account, from);
      await store.set({ [firstOf(account, to)]: first, [nowOf(account, first)]: to });
    },
  };
}
