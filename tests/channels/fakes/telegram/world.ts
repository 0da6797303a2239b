/** Who and what there is: bots, chats, people, messages. The ledger of what a bot did stands in its messages. */
import type { Entity } from "./html.ts";

export interface ChatInfo {
  readonly id: number;
  readonly type: "private" | "group" | "supergroup";
  readonly title?: string;
  readonly first_name?: string;
  readonly is_forum?: true;
}

export interface Chat {
  readonly info: ChatInfo;
  readonly topics: Set<number>;
  /** A group that has become a supergroup. */
  movedTo?: number;
  /** What the Bot API says of a bot that is not wanted there. */
  closed?: string;
}

export interface SentFile {
  readonly field: string;
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A message of a bot's, with everything that was done to it. */
export interface Sent {
  readonly bot: string;
  readonly method: string;
  readonly chat: number;
  readonly thread: number | undefined;
  readonly id: number;
  text: string;
  entities: readonly Entity[];
  buttons: readonly { readonly text: string; readonly callback_data: string }[];
  readonly replyTo: number | undefined;
  readonly file: SentFile | undefined;
  readonly poll: { readonly question: string; readonly options: readonly string[]; readonly multiple: boolean } | undefined;
  /** Every text that it had before. */
  readonly earlier: string[];
  isDeleted: boolean;
}

export interface World {
  readonly chats: Map<number, Chat>;
  readonly sent: Sent[];
  /** By chat and message. */
  readonly reactions: Map<string, readonly string[]>;
  readonly actions: { readonly chat: number; readonly thread: number | undefined; readonly action: string }[];
  readonly answeredPresses: string[];
  readonly openPresses: Set<string>;
  readonly files: Map<
    string,
    { readonly path: string; readonly bytes: Uint8Array; readonly size: number; readonly encoding: string | undefined }
  >;
  /** What people wrote, so that it can be answered. */
  readonly written: Set<string>;
  commands: readonly { readonly command: string; readonly description: string }[];
  /** Fields that no method has. */
  readonly oddities: string[];
  nextMessage: number;
}

export const createWorld = (): World => ({
  chats: new Map(),
  sent: [],
  reactions: new Map(),
  actions: [],
  answeredPresses: [],
  openPresses: new Set(),
  files: new Map(),
  written: new Set(),
  commands: [],
  oddities: [],
  nextMessage: 1,
});

export const place = (chat: number, message: number): string => `${chat}/${message}`;
