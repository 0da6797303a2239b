/** Who and what there is: apps, conversations, people's and bots' messages. The ledger of what an app did stands in its messages. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Button } from "./blocks.ts";

export interface App {
  readonly token: string;
  readonly appToken: string;
  readonly signingSecret: string;
  readonly user: string;
  readonly bot: string;
  readonly name: string;
  readonly scopes: Set<string>;
  /** Slack's word for a token that is no good any more. */
  ended?: string;
  /** Socket Mode is off. */
  isHttp?: boolean;
}

export interface SentFile {
  readonly id: string;
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A message of anybody's. */
export interface Message {
  readonly ts: string;
  readonly conversation: string;
  readonly fields: Record<string, unknown>;
  readonly thread: string | undefined;
  readonly reactions: Map<string, Set<string>>;
}

/** A message of an app's, with everything that was done to it. */
export interface Sent extends Message {
  readonly app: string;
  text: string;
  /** As people read it. */
  shown: string;
  buttons: readonly Button[];
  files: readonly SentFile[];
  /** Every text that it had before. */
  readonly earlier: string[];
  isDeleted: boolean;
}

export interface Conversation {
  readonly id: string;
  readonly name?: string;
  /** Apps that are in it. */
  readonly apps: Set<string>;
  readonly messages: Message[];
  isArchived?: boolean;
}

export interface StoredFile {
  readonly id: string;
  readonly name: string;
  bytes: Uint8Array;
  readonly length: number;
  readonly mimetype: string;
  /** By conversation, the message that it is in. */
  readonly shares: Map<string, string>;
  isUploaded: boolean;
}

export interface Person {
  readonly id: string;
  readonly name?: string;
  readonly isBot?: boolean;
}

export interface World {
  readonly apps: App[];
  readonly conversations: Map<string, Conversation>;
  readonly people: Map<string, Person>;
  readonly sent: Sent[];
  readonly files: Map<string, StoredFile>;
  readonly statuses: { readonly conversation: string; readonly thread: string; readonly status: string }[];
  /** What was said to one person alone, by the address that came with their command, which takes five answers. */
  readonly asides: { readonly trigger: string; readonly text: string }[];
  /** Arguments that no method has, and texts that Slack would read as something else. */
  readonly oddities: string[];
  /** The id of a message that is written now. */
  nextTs(): string;
  nextId(letter: string): string;
}

export const TEAM = "T0001";

export function createWorld(clock: Clock): World {
  let lastMicros = 0;
  let ids = 0;
  return {
    apps: [],
    conversations: new Map(),
    people: new Map(),
    sent: [],
    files: new Map(),
    statuses: [],
    asides: [],
    oddities: [],
    nextTs() {
      lastMicros = Math.max(lastMicros + 1, Math.floor(clock.now()) * 1000);
      return `${Math.floor(lastMicros / 1_000_000)}.${String(lastMicros % 1_000_000).padStart(6, "0")}`;
    },
    nextId: (letter) => `${letter}${String(++ids).padStart(8, "0")}`,
  };
}
