/** What the suite of channels is told of a channel, and of the platform that imitates its vendor's. */
import type { Attachment } from "../contracts/inbox.ts";
import { type Faults, httpNetwork, type Network, type Which } from "./faults.ts";
import type { PluginKit, StartPluginOptions } from "./plugin.ts";
import { type Answer, lastUserText } from "./script.ts";

export interface Said {
  readonly conversation: string;
  readonly from: string;
  readonly text: string;
  /** In a group, and whether the bot is named there; absent: between the two. Where `groups` is set. */
  readonly group?: { readonly mentions: boolean };
  /** Where `threads` is set. */
  readonly thread?: string;
  /** Where `media` is set. */
  readonly attachments?: readonly Attachment[];
}

export interface Posted {
  readonly conversation: string;
  /** The platform's id of it, as `send` answers with it. */
  readonly id?: string;
  /** As people read it now: without markup, and after every edit. */
  readonly text: string;
  readonly thread?: string;
  /** The platform's id of the message that it answers, as `say` returned it. */
  readonly replyTo?: string;
  readonly attachments?: readonly { readonly mimeType?: string; readonly fileName?: string }[];
  /** Labels of its buttons. */
  readonly buttons?: readonly string[];
}

/** The platform as a test sees it: what people write there, and what the channel posts. What a platform has not, it leaves out. */
export interface ChannelPlatform extends AsyncDisposable {
  /** As the network takes it: an origin, or host and port. */
  readonly url: string;
  /** Somebody writes to the bot. Answers with the platform's id of the message, where answers show it. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a platform may have nothing to return
  say(message: Said): string | void;
  /** What was posted, oldest first. */
  readonly posted: readonly Posted[];
  /** Resolves with the message of that place, counted from 0, once it was posted. */
  message(index: number): Promise<Posted>;
  /** Resolves once that holds, which is looked at whenever something was posted, edited, removed or reacted to. Where `edits` is set. */
  until?(holds: () => boolean): Promise<void>;
  /** Somebody presses a button of the message of that place. */
  press?(index: number, from: string, label: string): void;
  /** The bot's login ends: everything that it asks for is refused. */
  revoke?(): void;
}

export interface ChannelSuite {
  readonly name: string;
  /** `now`: the platform's clock, in epoch milliseconds, where `dated` is set. */
  startPlatform(options?: { readonly now?: () => number }): ChannelPlatform | Promise<ChannelPlatform>;
  /** Starts the plugin against a platform at that address. `options` are to be handed on to `startPlugin`. */
  startPlugin(
    url: string,
    options: Pick<StartPluginOptions, "settings" | "home" | "clock" | "mode" | "answer">,
    allowFrom: readonly string[],
  ): Promise<PluginKit>;
  /** The requests by which it fetches what people wrote, and by which it posts a message. */
  readonly receives: Which;
  readonly sends: Which;
  /** What the channel speaks, and so what can go wrong in between; HTTP when absent. */
  readonly network?: Network;
  /** The platform's name of the channel; absent: the only one that the plugin provides. */
  readonly channel?: string;
  /** The platform's id for a name of the suite's, of a conversation such as `room-1` or of a person, where it does not take any text. */
  readonly idOf?: (name: string) => string;
  /** The platform drops a repeated message by its key, so that one whose answer was lost may be sent again. */
  readonly idempotentSend?: boolean;
  /** The platform has groups, and shows who is named in them. */
  readonly groups?: boolean;
  readonly threads?: boolean;
  /** A message shows what it answers (`posted[].replyTo`, `say`). */
  readonly replies?: boolean;
  /** A message has buttons (`posted[].buttons`, `press`). */
  readonly buttons?: boolean;
  /** A login may end (`revoke`). */
  readonly revokes?: boolean;
  /** The platform takes files to the bot, and from it. */
  readonly media?: boolean;
  /** An answer grows by editing. */
  readonly edits?: boolean;
  /** The platform says when something was written, and keeps it for a bot that is away. */
  readonly dated?: boolean;
  /** Of one message, as it is read, in UTF-16 code units; absent: long texts are not tried. */
  readonly textLimit?: number;
}

/** A channel at work in a gateway, between it and the platform a network that may fail. */
export interface House extends AsyncDisposable {
  readonly platform: ChannelPlatform;
  readonly faults: Faults;
  readonly kit: PluginKit;
}

interface Account {
  readonly linked: boolean;
  readonly connected: boolean;
  readonly healthState: string;
  readonly lastOutboundAt: number | null;
  readonly lastUndelivered: { readonly state: string; readonly conversation: string } | null;
}

/** As `channels.status` shows the channel's first account. */
export async function accountOf(kit: PluginKit, channelId: string): Promise<Account | undefined> {
  const { channelAccounts } = await kit.call<{ channelAccounts: Record<string, Account[]> }>("channels.status", {});
  return channelAccounts[channelId]?.[0];
}

export const hello: Said = { conversation: "room-1", from: "ada", text: "hello" };

/** What was said, as a message everywhere: some platforms have messages of one line alone. */
const inOneLine: Answer = (request) => [{ text: `You said: ${lastUserText(request).replaceAll("\n", " ")}` }];

/** How often that was said, in whatever message. */
export const timesSaid = ({ posted }: ChannelPlatform, text: string): number => posted.filter((one) => one.text.includes(text)).length;

/** Resolves with the first message that has this in it. */
export async function saying(platform: ChannelPlatform, text: string): Promise<Posted> {
  for (let index = 0; ; index++) {
    const posted = await platform.message(index);
    if (posted.text.includes(text)) return posted;
  }
}

/** The suite with its own names in place of the platform's ids, wherever a test sees them; `idOf` is for what a test hands to the gateway itself. */
export function byName(suite: ChannelSuite): ChannelSuite & { readonly idOf: (name: string) => string; readonly network: Network } {
  const { idOf = (name: string) => name } = suite;
  const names = new Map<string, string>();
  const id = (name: string) => {
    names.set(idOf(name), name);
    return idOf(name);
  };
  const back = <P extends Posted>(posted: P): P => ({ ...posted, conversation: names.get(posted.conversation) ?? posted.conversation });
  return {
    ...suite,
    network: suite.network ?? httpNetwork,
    idOf: id,
    startPlugin: (url, options, allowFrom) => suite.startPlugin(url, { answer: inOneLine, ...options }, allowFrom.map(id)),
    async startPlatform(options) {
      const platform = await suite.startPlatform(options);
      const { press } = platform;
      return {
        ...platform,
        say: ({ conversation, from, ...said }) => platform.say({ ...said, conversation: id(conversation), from: id(from) }),
        get posted() {
          return platform.posted.map(back);
        },
        message: async (index) => back(await platform.message(index)),
        ...(press && { press: (index: number, from: string, label: string) => press(index, id(from), label) }),
      };
    },
  };
}
