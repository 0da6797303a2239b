/** Those who write on the imitated homeserver, and the rooms in which they do. */
import { addEvent, createRoom, type Event, type Fields, newId, type Room, setMember, type World } from "./world.ts";

export interface People {
  /** A room of a person's, in which the bot is. */
  room(id: string, owner: string, more?: { readonly name?: string; readonly members?: readonly string[] }): Room;
  /** A room to which the bot is invited. */
  invite(id: string, owner: string, more?: { readonly isDirect?: boolean; readonly members?: readonly string[] }): Room;
  /** Somebody writes. Answers with the message's id. */
  write(from: string, room: string, content: Fields, more?: { readonly type?: string; readonly at?: number }): string;
  /** As `write`, of a text. */
  say(from: string, room: string, text: string): string;
  /** A file, as it is at the homeserver; answers with its address. */
  file(bytes: Uint8Array, type: string, name?: string): string;
  setState(room: string, sender: string, type: string, content: Fields): Event;
  join(room: string, user: string): void;
  leave(room: string, user: string): void;
}

export function createPeople(world: World, bot: string): People {
  const known = (user: string) => {
    if (!world.users.has(user)) world.users.set(user, { password: "a-password", accountData: new Map(), crossSigning: {} });
  };
  function founded(id: string, owner: string, members: readonly string[], membership: string, more: Fields): Room {
    for (const user of [owner, ...members]) known(user);
    const room = createRoom(world, id, owner);
    setMember(world, room, owner, owner, "join", { displayname: owner.slice(1).split(":")[0] });
    for (const member of members) setMember(world, room, member, member, "join", { displayname: member.slice(1).split(":")[0] });
    setMember(world, room, owner, bot, "invite", more);
    if (membership === "join") setMember(world, room, bot, bot, "join", { displayname: "Pincer" });
    return room;
  }
  const write: People["write"] = (sender, roomId, content, { type = "m.room.message", at } = {}) => {
    const id = newId(world);
    const now = at ?? world.clock.now();
    addEvent(world, world.rooms.get(roomId)!, { id, type, sender, content, at: now });
    return id;
  };
  return {
    write,
    say: (from, room, text) => write(from, room, { msgtype: "m.text", body: text }),
    room(id, owner, { name, members = [] } = {}) {
      const room = founded(id, owner, members, "join", {});
      if (name !== undefined) addEvent(world, room, { type: "m.room.name", sender: owner, state_key: "", content: { name } });
      return room;
    },
    invite: (id, owner, { isDirect = false, members = [] } = {}) =>
      founded(id, owner, members, "invite", isDirect ? { is_direct: true } : {}),
    file(bytes, type, name) {
      const id = world.next("media");
      world.media.set(id, { bytes, type, name });
      return `mxc://${world.server}/${id}`;
    },
    setState: (room, sender, type, content) => addEvent(world, world.rooms.get(room)!, { type, sender, content, state_key: "" }),
    join(room, user) {
      known(user);
      setMember(world, world.rooms.get(room)!, user, user, "join");
    },
    leave: (room, user) => void setMember(world, world.rooms.get(room)!, user, user, "leave"),
  };
}
