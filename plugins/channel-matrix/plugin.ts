import { join } from "node:path";
import { definePlugin } from "@pincer/plugin-sdk";
import { Changes, keepConnected } from "@pincer/plugin-sdk/channel/connection";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { createActions } from "./actions.ts";
import { MatrixConfig } from "./config.ts";
import { createConnect } from "./connection.ts";
import { HeldEncryptions } from "./crypto/held.ts";
import { keepEncryptedRooms } from "./encrypted-rooms.ts";
import { createHandIn } from "./hand-in.ts";
import { keepInvitations } from "./invitations.ts";
import { keepLateKeys } from "./late-keys.ts";
import { createLogins } from "./login.ts";
import { createOutgoing, TYPING_MS } from "./outgoing.ts";
import { Rooms } from "./rooms.ts";
import type { Held } from "./syncing.ts";

export default definePlugin({
  config: MatrixConfig,
  uses: { inbox },

  setup(ctx) {
    const { clock, log, store, signal: life } = ctx;
    const { inbox: into } = ctx.uses;
    const logins = createLogins(ctx);
    const rooms = new Map<string, Rooms>();
    const roomsOf = (account: string): Rooms => {
      const known = rooms.get(account) ?? new Rooms();
      rooms.set(account, known);
      return known;
    };
    const keysOf = (account: string): string => join(ctx.dataDir, "keys", account);
    const encryptions = new HeldEncryptions();
    const isEncrypted = keepEncryptedRooms(store);
    const handIn = createHandIn({ inbox: into, clock, log, store, late: keepLateKeys(store, clock, log), isEncrypted, signal: life });
    const invitations = keepInvitations({ inbox: into, store, clock, log });
    const connect = createConnect({ clock, log, inbox: into, handIn, invitations, logins, encryptions, roomsOf, keysOf });
    const { remove, ...outgoing } = createOutgoing({ clock, store, encryptions, isEncrypted, roomsOf, open: logins.open });
    const changes = new Changes();
    ctx.onConfig(changes.tell);

    ctx.provide(
      channel,
      "matrix",
      {
        label: "Matrix",
        // An event has 65,536 bytes for the text with its marks, without them, and once more when it is an edit; encrypted it is a third longer.
        textLimit: 8000,
        textUnit: "utf8",
        markup: "html",
        idempotentSend: true,
        threads: true,
        attachments: true,
        attachmentBytes: 50 * 1024 * 1024,
        // Homeservers let an account send ten messages at once, edits among them, and one every five seconds after that.
        editEveryMs: 5000,
        typingMs: TYPING_MS,
      },
      {
        ...outgoing,
        async *start({ account, position }, { signal }) {
          const held: Held = { position };
          const basis = () => logins.basis(account);
          yield* keepConnected({ clock, basis, changes, connect: (until) => connect(account, held, until) }, signal);
          return {};
        },
      },
    );
    ctx.provide(channelActions, "matrix", {}, createActions({ clock, outgoing: { remove }, logins, keysOf }));
  },
});
