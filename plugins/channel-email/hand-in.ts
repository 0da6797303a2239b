/** Hands in one mail: as much of it is fetched as its sender is worth, and only once the inbox has answered is the mailbox told. */
import type { Logger } from "@pincer/plugin-sdk";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { InboundMessage, inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { FetchMessageObject } from "imapflow";
import type { Settings } from "./config.ts";
import { MOST_PEOPLE, messageOf, type Place } from "./incoming.ts";
import { headerEnds, type Mail, parseMail, readMail } from "./mail.ts";
import { HEAD_BYTES, type Mailbox, mostBytes } from "./mailbox.ts";
import { type Position, positionText } from "./position.ts";
import type { Threads } from "./threads.ts";
import { textOf } from "./words.ts";

const DAY = 86_400_000;
/** As long as the inbox knows a message again: what was written, or arrived, longer before may have been handed in already. */
const KNOWN_MS = 7 * DAY;
const LONGEST_CONVERSATION = 1_000;

/** What stands in the log of a mail that is not handed in. */
class Passed extends Error {}

export interface HandInDeps {
  readonly account: string;
  readonly settings: Settings;
  readonly inbox: ImplementationOf<typeof inbox>;
  readonly threads: Threads;
  readonly log: Logger;
  /** Of the plugin's life: what was fetched is handed in even when the connection is asked to end. */
  readonly signal: AbortSignal;
}

interface Fetched {
  readonly size: number;
  readonly arrivedAt: number;
  readonly bytes: Uint8Array;
}

export function createHandIn(box: Mailbox, deps: HandInDeps) {
  const { account, settings, inbox, threads, log, signal } = deps;

  async function fetchOf(uid: number, most: number): Promise<Fetched | undefined> {
    const found: FetchMessageObject | false = await box.ask((client) =>
      client.fetchOne(String(uid), { uid: true, size: true, internalDate: true, source: { maxLength: most } }, { uid: true }),
    );
    // Somebody else has deleted it.
    if (found === false || found.source === undefined) return undefined;
    return { size: found.size ?? found.source.length, arrivedAt: new Date(found.internalDate ?? 0).getTime(), bytes: found.source };
  }

  async function read(bytes: Uint8Array): Promise<Mail> {
    if (!headerEnds(bytes)) throw new Passed("its header is longer than is read");
    const email = await parseMail(bytes).catch((error: unknown) => {
      throw new Passed(`it cannot be read: ${errorMessage(error)}`);
    });
    const reading = readMail(email, settings);
    if ("why" in reading) throw new Passed(reading.why);
    return reading.mail;
  }

  function look({ writer, others, authentication, writtenAt }: Mail, arrivedAt: number, position: Position, isNew: boolean): void {
    // What is new to the folder can have been moved there from elsewhere; the two clocks need not agree.
    if (arrivedAt < position.since - (isNew ? DAY : 0)) throw new Passed("it is older than the connection");
    if (arrivedAt < position.at - KNOWN_MS) throw new Passed("it arrived long ago, and was moved here");
    if (writtenAt !== undefined && writtenAt < arrivedAt - KNOWN_MS) throw new Passed("it was written long before it came");
    if (others.length >= MOST_PEOPLE || [writer.address, ...others].join(",").length > LONGEST_CONVERSATION)
      throw new Passed(`it is for ${others.length + 1} people`);
    if (settings.requireAuth && !authentication.passed)
      throw new Passed(`the server has not authenticated ${writer.address} (${authentication.said || "it says nothing"})`);
  }

  async function remember(mail: Mail, { sentAt, address }: InboundMessage): Promise<void> {
    const { subject, root, id, writer, email } = mail;
    const said = settings.quoteOriginal
      ? { said: { by: writer.address, at: sentAt, text: textOf(email).slice(0, 5_000).toWellFormed() } }
      : {};
    await threads.keep(address, { subject, root, last: id, ...said });
  }

  /** Undefined where it is nothing for the inbox. */
  async function messageFrom(uid: number, head: Fetched, position: Position, isNew: boolean): Promise<InboundMessage | undefined> {
    const { arrivedAt, size, bytes } = head;
    const mail = await read(bytes);
    look(mail, arrivedAt, position, isNew);
    const header = mail.email.headerLines.map(({ line }) => line).join("\n");
    const answered = mail.inReplyTo === undefined ? undefined : await threads.written(mail.inReplyTo);
    const place = (isWhole: boolean): Place => ({ account, settings, arrivedAt, header, isWhole, answered });
    const isShort = size <= bytes.length;
    const message = messageOf(mail, place(isShort));
    const { admit } = await inbox.admits({ message }, { signal });
    if (!admit && !settings.greetsStrangers) throw new Passed(`${mail.writer.address} is not in channels.email.allowFrom`);
    await remember(mail, message);
    if (!admit) {
      const { attachments: _, ...words } = message;
      return words;
    }
    if (isShort || size > mostBytes(settings)) return message;
    const whole = await fetchOf(uid, mostBytes(settings));
    if (whole === undefined) return message;
    return messageOf(await read(whole.bytes), place(true));
  }

  /** Mild: a mailbox that cannot be marked is read all the same. */
  async function mark(uid: number): Promise<void> {
    try {
      if (settings.markSeen) await box.client.messageFlagsAdd(String(uid), ["\\Seen"], { uid: true });
      if (settings.moveTo !== undefined && (await box.client.messageMove(String(uid), settings.moveTo, { uid: true })) === false)
        throw channelErrors.CHANNEL_REJECTED(`there is no folder "${settings.moveTo}"`);
    } catch (error) {
      log.warn("email.not-marked", { account, uid, error: errorMessage(error) });
    }
  }

  /** Answers with the position behind it. `isNew`: it has not been numbered before, so that the position follows it. */
  return async function handIn(uid: number, position: Position, isNew: boolean): Promise<Position> {
    const head = await fetchOf(uid, HEAD_BYTES);
    const next: Position = { ...position, ...(isNew && { uid, at: Math.max(position.at, head?.arrivedAt ?? 0) }) };
    let message: InboundMessage | undefined;
    try {
      message = head && (await messageFrom(uid, head, position, isNew));
    } catch (error) {
      if (!(error instanceof Passed)) throw error;
      log.info("email.passed-over", { account, uid, why: error.message });
    }
    if (message === undefined) {
      if (isNew) await inbox.advance({ channel: "email", account, position: positionText(next) }, { signal });
      return next;
    }
    const { status } = await inbox.accept({ message, ...(isNew && { position: positionText(next) }) }, { signal });
    if (status !== "refused") await mark(uid);
    return next;
  };
}
