/** What becomes of a mail that came: a message for the inbox. */
import { attachmentOf, leftOut, tooLarge } from "@pincer/plugin-sdk/channel/media";
import type { Address, Attachment, InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import type { Email } from "postal-mime";
import type { Settings } from "./config.ts";
import { eventOf, isOwnId, threadOf } from "./ids.ts";
import type { Mail } from "./mail.ts";
import { textOf, wordsOf } from "./words.ts";

/** Whoever writes to more people writes to nobody in particular, and an answer would go to all of them. */
export const MOST_PEOPLE = 10;
const MOST_FILES = 20;
const LONGEST_FILE_NAME = 120;
/** What the inbox takes as the id of a group. */
const LONGEST_GROUP = 256;
/** Of a mail that stands below another, who wrote it and to whom. */
const LONGEST_HEAD = 500;

/** Without the folders that it says it lies in. */
const fileNameOf = (name: string | null): string =>
  visibleText(name ?? "")
    .replace(/^.*[/\\]/s, "")
    .replace(/[\s<>"[\]{}|:*?]+/g, " ")
    .replace(/^[. ]+|[. ]+$/g, "")
    .slice(-LONGEST_FILE_NAME)
    .toWellFormed() || "file";

interface Files {
  readonly attachments: readonly Attachment[];
  readonly notes: readonly string[];
}

/** `isWhole`: all of the mail was fetched; else what is there of its files is broken. */
function filesOf({ attachments }: Email, isWhole: boolean, most: number): Files {
  const taken: Attachment[] = [];
  const notes: string[] = [];
  let room = most;
  for (const [index, { content, filename, mimeType }] of attachments.entries()) {
    const bytes = typeof content === "string" ? Buffer.from(content) : new Uint8Array(content);
    const fileName = fileNameOf(filename);
    if (index === MOST_FILES) {
      notes.push(`[${attachments.length - MOST_FILES} more files: not fetched]`);
      break;
    }
    if (!isWhole) notes.push(leftOut("file", "not fetched", { fileName }));
    else if (bytes.length > room) notes.push(leftOut("file", tooLarge(most), { fileName, bytes: bytes.length }));
    else {
      room -= bytes.length;
      taken.push(attachmentOf(bytes, /^[\w.+-]+\/[\w.+-]+$/.test(mimeType) ? mimeType : "application/octet-stream", fileName));
    }
  }
  return { attachments: taken, notes };
}

/** `Re:`, `Fwd:`, `AW:`, `Antw:`: the subject is of the mail that is answered or handed on. */
const OF_ANOTHER = /^\s*[^\s:]{1,8}\s?[:：]/;

const subjectOf = ({ subject }: Mail): string => `subject ${JSON.stringify(subject.replaceAll(/[[\]]/g, ""))}`;

/** What a reader knows of a mail beside its words. The sender's own words in it cannot close the bracket. */
function headingOf(mail: Mail, { authservId }: Settings, isOwnSubject: boolean): string {
  const { passed, said } = mail.authentication;
  const titled = mail.subject === "" ? ["no subject"] : isOwnSubject ? [subjectOf(mail)] : [];
  const proof = passed ? `authenticated by ${authservId}` : "not authenticated: who wrote it is only claimed";
  return `[${["mail", ...titled].join(", ")}; ${proof}${said === "" ? "" : ` (${said})`}]`;
}

export interface Place {
  readonly account: string;
  readonly settings: Settings;
  /** Epoch milliseconds, as the server says. */
  readonly arrivedAt: number;
  readonly header: string;
  readonly isWhole: boolean;
  /** What the assistant wrote in the mail that is answered, as far as it is remembered. */
  readonly answered: string | undefined;
}

export function addressOf({ writer, others, root }: Mail, account: string): Address {
  const thread = root === undefined ? undefined : threadOf(root);
  return {
    channel: "email",
    account,
    conversation: [writer.address, ...others].sort().join(","),
    ...(thread === undefined ? {} : { thread }),
  };
}

/** The people, where they are few enough to be named in the settings. */
const groupIdOf = (conversation: string): string => (conversation.length <= LONGEST_GROUP ? conversation : eventOf(conversation, ""));

/** One whom somebody else wrote to as well is a group: of these people, whichever of them writes. */
export function messageOf(mail: Mail, { account, settings, arrivedAt, header, isWhole, answered }: Place): InboundMessage {
  const { writer, others, isAddressed, id, inReplyTo, subject, writtenAt = arrivedAt, email } = mail;
  const address = addressOf(mail, account);
  const isAnswer = inReplyTo !== undefined && isOwnId(inReplyTo);
  const isOwnSubject = inReplyTo === undefined && !OF_ANOTHER.test(subject);
  const { said, quoted, below } = wordsOf(textOf(email));
  // What the assistant wrote it knows, and better than a mail that only says so; what others wrote may be what is asked about.
  const isOwnBelow = below.slice(0, LONGEST_HEAD).includes(settings.address);
  const foreign = isAnswer ? [isOwnBelow ? "" : below] : [isOwnSubject || subject === "" ? "" : subjectOf(mail), quoted, below];
  const shared = foreign.filter((part) => part !== "").join("\n");
  const { attachments, notes } = filesOf(email, isWhole, settings.mediaBytes);
  const cut = isWhole || notes.length > 0 ? [] : ["[only the beginning of this mail was fetched]"];
  // A command is nothing but itself.
  const text = said.startsWith("/")
    ? said
    : [headingOf(mail, settings, isOwnSubject), said, ...notes, ...cut].filter((part) => part !== "").join("\n");
  const people = groupIdOf(address.conversation);
  return {
    address,
    eventId: eventOf(id, header),
    ...(id === undefined ? {} : { messageId: id }),
    sender: { id: writer.address, ...(writer.name === undefined ? {} : { name: writer.name }) },
    ...(others.length === 0
      ? { chat: "direct" }
      : { chat: "group", group: { id: people, ...(subject === "" ? {} : { name: subject }) }, mentioned: isAddressed }),
    text,
    ...(attachments.length === 0 ? {} : { attachments: [...attachments] }),
    ...(isAnswer ? { replyTo: { messageId: inReplyTo, own: true, ...(answered === undefined ? {} : { text: answered }) } } : {}),
    ...(shared === "" ? {} : { shared: { text: shared } }),
    // Who says when they wrote may say so later than it came, but not have it count as newer.
    sentAt: Math.min(writtenAt, arrivedAt),
  };
}
