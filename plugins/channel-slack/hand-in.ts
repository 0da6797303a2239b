/** Hands in what Slack sent, however it came: a conversation's messages one after the other, each once. Only then does Slack learn of it. */
import type { Logger } from "@pincer/plugin-sdk";
import { acceptInTime } from "@pincer/plugin-sdk/channel/intake";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { InboundMessage, inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Asides } from "./asides.ts";
import { eventOf, Press, read, SlackMessage, SlashCommand, Unreadable } from "./events.ts";
import { fetchFiles, notFetched } from "./files.ts";
import { isSaid, type Receiving, readCommand, readMessage, readPress } from "./incoming.ts";
import type { Know } from "./names.ts";
import type { Places } from "./places.ts";

/** As Socket Mode names what it brings. */
export type Kind = "events_api" | "interactive" | "slash_commands";

interface HandInDeps {
  readonly inbox: ImplementationOf<typeof inbox>;
  readonly know: Know;
  readonly places: Places;
  readonly asides: Asides;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of the plugin's life: what was received is handed in even when the connection is asked to end. */
  readonly signal: AbortSignal;
}

/** The app is gone from the workspace. */
const ENDED: ReadonlySet<unknown> = new Set(["tokens_revoked", "app_uninstalled"]);

/** Messages that are known to be kept, so that their files are not fetched again when Slack brings them again. */
const MOST_DONE = 1_000;

export function createHandIn({ inbox, know, places, asides, clock, log, signal }: HandInDeps) {
  const lines = new Map<string, Promise<unknown>>();
  const done = new Set<string>();

  /** After everything else of that conversation. */
  function inLine<T>({ bot }: Receiving, conversation: string, task: () => Promise<T>): Promise<T> {
    const key = `${bot.account}:${conversation}`;
    const turn = (lines.get(key) ?? Promise.resolve()).then(task, task);
    lines.set(key, turn);
    const leave = () => void (lines.get(key) === turn && lines.delete(key));
    turn.then(leave, leave);
    return turn;
  }

  async function accept({ bot }: Receiving, message: InboundMessage): Promise<boolean> {
    // Slack brings what it hears nothing of three times, and then no more.
    const { status } = await acceptInTime(inbox, { message }, { clock, signal, until: signal });
    done.add(`${bot.account}:${message.eventId}`);
    for (const oldest of done) {
      if (done.size <= MOST_DONE) break;
      done.delete(oldest);
    }
    return status !== "refused";
  }

  async function handMessage(sent: SlackMessage, receiving: Receiving): Promise<void> {
    const { bot } = receiving;
    if (!isSaid(sent, receiving) || done.has(`${bot.account}:${sent.channel}:${sent.ts}`)) return;
    const known = await know(sent, receiving, signal);
    const files = sent.files ?? [];
    let message = readMessage(sent, receiving, known, notFetched(files));
    if (!message) return;
    if (files.length > 0 && (await inbox.admits({ message }, { signal })).admit) {
      message = readMessage(sent, receiving, known, await fetchFiles(bot, clock, files, signal)) ?? message;
    }
    const isAnswered = await accept(receiving, message);
    const { conversation } = message.address;
    const thread = sent.thread_ts ?? undefined;
    await places.keep(bot.account, { conversation, ...(thread !== undefined && { thread }), ts: sent.ts }, isAnswered);
  }

  function handEvent(payload: unknown, receiving: Receiving): Promise<void> {
    const event = eventOf(payload);
    if (event?.["type"] === "app_rate_limited" || (payload as { readonly type?: unknown } | null)?.type === "app_rate_limited") {
      log.warn("slack.events-limited", { account: receiving.bot.account });
    }
    if (event?.["type"] !== "message" && event?.["type"] !== "app_mention") return Promise.resolve();
    // An edit has another form, and says nothing that is answered.
    if (event["subtype"] === "message_changed" || event["subtype"] === "message_deleted") return Promise.resolve();
    const message = read(SlackMessage, event);
    return inLine(receiving, message.channel, () => handMessage(message, receiving));
  }

  function handOther(kind: Kind, payload: unknown, receiving: Receiving): Promise<unknown> {
    if (kind === "slash_commands") {
      const typed = read(SlashCommand, payload);
      const message = readCommand(typed, receiving, clock.now());
      return inLine(receiving, typed.channel_id, async () => {
        const address = await asides.placeOf(receiving.bot, message.address, typed.user_id, typed.response_url ?? undefined, signal);
        return accept(receiving, { ...message, address });
      });
    }
    // Shortcuts and windows: the channel has none.
    if ((payload as { readonly type?: unknown } | null)?.type !== "block_actions") return Promise.resolve();
    const press = read(Press, payload);
    const message = readPress(press, receiving);
    return message ? inLine(receiving, press.channel.id, () => accept(receiving, message)) : Promise.resolve();
  }

  return {
    inLine,
    /** A message that was asked for, in the line of its conversation already. */
    handMessage,
    /** Resolves once Slack may be told that it arrived. One that cannot be read would be no better the next time. */
    async hand(kind: Kind, payload: unknown, receiving: Receiving): Promise<void> {
      try {
        await (kind === "events_api" ? handEvent(payload, receiving) : handOther(kind, payload, receiving));
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        log.error("slack.event-unreadable", { account: receiving.bot.account, kind, error: errorMessage(error) });
      }
    },
    /** Says that the login is over, as far as Slack says so by an event. */
    isEnd: (kind: Kind, payload: unknown): boolean => kind === "events_api" && ENDED.has(eventOf(payload)?.["type"]),
  };
}
export type HandIn = ReturnType<typeof createHandIn>;
