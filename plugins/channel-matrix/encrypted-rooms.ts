/** Which rooms are encrypted: one that ever was stays so here, whatever the homeserver says later, since that could only be for the worse. */
import type { KeyValueStore } from "@pincer/plugin-sdk";
import type { Room } from "./rooms.ts";

export type IsEncrypted = (account: string, room: Room) => Promise<boolean>;

export function keepEncryptedRooms(store: KeyValueStore): IsEncrypted {
  const known = new Set<string>();
  return async (account, room) => {
    const key = `encrypted:${account}:${room.id}`;
    if (known.has(key)) return true;
    if (room.encryption !== undefined) await store.set({ [key]: true });
    else if ((await store.get<boolean>(key)) !== true) return false;
    known.add(key);
    return true;
  };
}
