/** Mailboxes in memory, and what came in over SMTP. */

export interface Stored {
  readonly uid: number;
  /** Each character is a byte. */
  readonly text: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly flags: Set<string>;
}

export interface Folder {
  validity: number;
  next: number;
  mails: Stored[];
}

export interface Sent {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
}

export interface World {
  readonly user: string;
  password: string;
  readonly folders: Map<string, Folder>;
  readonly sent: Sent[];
  /** The server puts what it sends among what was sent by itself. */
  keepsSent: boolean;
  /** It tells a client that waits (IDLE). */
  idles: boolean;
  /** Connections that wait to be told. */
  readonly idling: Set<object>;
  readonly changes: EventTarget;
  now(): number;
  store(folder: string, text: string, at?: number): Stored;
  changed(): void;
}

export function createWorld(user: string, now: () => number): World {
  const folders = new Map<string, Folder>(["INBOX", "Sent", "Done"].map((name) => [name, { validity: 1, next: 1, mails: [] }]));
  const changes = new EventTarget();
  const changed = () => void changes.dispatchEvent(new Event("change"));
  return {
    user,
    password: "the-password",
    folders,
    sent: [],
    keepsSent: false,
    idles: true,
    idling: new Set(),
    changes,
    now,
    changed,
    store(name, text, at = now()) {
      const folder = folders.get(name)!;
      const mail = { uid: folder.next++, text: text.replaceAll(/\r?\n/g, "\r\n"), at, flags: new Set<string>() };
      folder.mails.push(mail);
      changed();
      return mail;
    },
  };
}
