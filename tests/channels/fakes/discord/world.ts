/** Who and what there is: bots, servers, channels, people, messages. The ledger of what a bot did stands in its messages. */
import type { Clock } from "@pincer/plugin-sdk/clock";

const EPOCH = 1_420_070_400_000;

export interface User {
  readonly id: string;
  readonly username: string;
  readonly global_name: string | null;
  readonly discriminator: string;
  readonly avatar: null;
  readonly bot?: boolean;
}

export interface Channel {
  readonly id: string;
  /** 0 text, 1 direct, 11 thread, 15 forum. */
  readonly type: number;
  readonly guild_id?: string;
  readonly parent_id?: string;
  readonly name?: string;
  readonly recipients?: readonly User[];
}

export interface Role {
  readonly id: string;
  readonly name: string;
  readonly tags?: { readonly bot_id?: string };
}

export interface Guild {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly Role[];
}

export interface SentFile {
  readonly name: string;
  readonly mimeType: string;
  readonly bytes: Uint8Array;
}

export type Message = Record<string, unknown> & {
  readonly id: string;
  readonly channel_id: string;
  readonly author: User;
  content: string;
  components?: unknown;
};

/** A message of a bot's, with everything that was done to it. */
export interface Sent {
  readonly bot: string;
  readonly message: Message;
  readonly files: readonly SentFile[];
  readonly nonce: string | undefined;
  /** The interaction that it answers. */
  readonly interaction: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  /** Every text that it had before. */
  readonly earlier: string[];
  isDeleted: boolean;
}

export interface Interaction {
  readonly id: string;
  readonly token: string;
  readonly bot: string;
  readonly channel: string;
  readonly at: number;
  /** `waiting`: without a sign; `signed`: with one; `answered`, and `dropped`: its sign was taken away. */
  state: "waiting" | "signed" | "answered" | "dropped";
  responseType?: number;
  sent?: Sent;
}

export interface Bot {
  readonly token: string;
  readonly user: User;
  /** Of the application; 1 << 19 is the Message Content intent. */
  flags: number;
  commands: readonly Record<string, unknown>[];
}

export interface World {
  readonly bots: Map<string, Bot>;
  readonly guilds: Map<string, Guild>;
  readonly channels: Map<string, Channel>;
  /** By channel, oldest first. */
  readonly messages: Map<string, Message[]>;
  readonly sent: Sent[];
  readonly interactions: Map<string, Interaction>;
  /** By channel and message, then by emoji: who reacted. */
  readonly reactions: Map<string, Map<string, Set<string>>>;
  readonly typing: string[];
  /** By path, with the query that is its signature. */
  readonly files: Map<string, { readonly bytes: Uint8Array; readonly mimeType: string; signature: string }>;
  /** Fields that Discord does not have, and heads that it wants. */
  readonly oddities: string[];
  /** Of a moment that the clock has, and larger than every one before. */
  snowflake(): string;
}

export const place = (channel: string, message: string): string => `${channel}/${message}`;

export function createWorld(clock: Clock): World {
  let last = 0n;
  return {
    bots: new Map(),
    guilds: new Map(),
    channels: new Map(),
    messages: new Map(),
    sent: [],
    interactions: new Map(),
    reactions: new Map(),
    typing: [],
    files: new Map(),
    oddities: [],
    snowflake() {
      const now = BigInt(clock.now() - EPOCH) << 22n;
      last = now > last ? now : last + 1n;
      return String(last);
    },
  };
}
