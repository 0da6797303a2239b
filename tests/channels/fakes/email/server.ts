/** A provider of mail on loopback: IMAP and SMTP for one account, without encryption. */
import { serveImap } from "./imap.ts";
import { listenForLines, portOf, stopListening } from "./lines.ts";
import { serveSmtp } from "./smtp.ts";
import { createWorld, type Sent, type Stored, type World } from "./world.ts";

export interface FakeMail extends AsyncDisposable {
  readonly world: World;
  readonly imap: number;
  readonly smtp: number;
  /** Commands that neither server knows. */
  readonly odd: readonly string[];
  /** Somebody's mail arrives. */
  deliver(text: string, at?: number): Stored;
  /** Resolves once that holds, which is looked at whenever something arrived, was sent or was changed. */
  until(holds: () => boolean): Promise<void>;
  /** Resolves with the mail that was sent at that place, counted from 0. */
  sent(index: number): Promise<Sent>;
  /** Numbers the mails of the inbox anew, as a server does that was restored. */
  renumber(): void;
  /** Breaks every connection. */
  disconnect(): void;
}

export async function startFakeMail({ user, now = Date.now }: { readonly user: string; readonly now?: () => number }): Promise<FakeMail> {
  const world = createWorld(user, now);
  const odd: string[] = [];
  const imap = await listenForLines((client) => serveImap(world, odd, client));
  const smtp = await listenForLines((client) => serveSmtp(world, odd, client));
  const until: FakeMail["until"] = async (holds) => {
    while (!holds()) await new Promise((resolve) => world.changes.addEventListener("change", resolve, { once: true }));
  };
  return {
    ...{ world, odd, until },
    imap: portOf(imap),
    smtp: portOf(smtp),
    deliver: (text, at) => world.store("INBOX", text, at),
    async sent(index) {
      await until(() => world.sent.length > index);
      return world.sent[index]!;
    },
    renumber() {
      const inbox = world.folders.get("INBOX")!;
      inbox.validity++;
      inbox.mails = inbox.mails.map((mail, index) => ({ ...mail, uid: index + 1 }));
      inbox.next = inbox.mails.length + 1;
    },
    disconnect() {
      for (const socket of [...imap.sockets, ...smtp.sockets]) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      await stopListening(imap);
      await stopListening(smtp);
    },
  };
}
