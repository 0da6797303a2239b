/** The mail that says what is to be sent: text and HTML, its place in the exchange, its files. */
import { channelErrors, type SendRequest } from "@pincer/plugin-sdk/contracts/channel";
import { htmlToMarkdown } from "@pincer/plugin-sdk/inbound/html";
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import MailComposer from "nodemailer/lib/mail-composer";
import { isAddress } from "./address.ts";
import type { Settings } from "./config.ts";
import { MOST_PEOPLE } from "./incoming.ts";
import type { Thread } from "./threads.ts";

const LONGEST_SUBJECT = 78;
const ID = /^[\x21-\x3b\x3d\x3f-\x7e]{3,250}$/;

export interface Composed {
  readonly to: readonly string[];
  readonly bytes: Buffer;
  /** What it says, without what is quoted. */
  readonly plain: string;
}

/** Throws `CHANNEL_REJECTED`. */
export function recipientsOf(conversation: string): readonly string[] {
  const to = conversation.split(",");
  const wrong = to.find((address) => !isAddress(address));
  if (wrong !== undefined)
    throw channelErrors.CHANNEL_REJECTED(`expected addresses of mail in small letters, parted by commas; came "${wrong.slice(0, 80)}"`);
  if (to.length > MOST_PEOPLE) throw channelErrors.CHANNEL_REJECTED(`a mail goes to at most ${MOST_PEOPLE} people; came ${to.length}`);
  return to;
}

const oneLine = (text: string): string => visibleText(text).replace(/\s+/g, " ").trim();
const escaped = (text: string): string => text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign] ?? sign);

/** An exchange keeps its subject; another one is called by its first words. */
function subjectOf(thread: Thread | undefined, plain: string): string {
  if (thread === undefined) {
    const line = oneLine(plain.split("\n").find((one) => one.trim() !== "") ?? "") || "A message for you";
    return line.length <= LONGEST_SUBJECT ? line : `${line.slice(0, LONGEST_SUBJECT - 1).toWellFormed()}…`;
  }
  const subject = oneLine(thread.subject);
  return /^re:/i.test(subject) ? subject : `Re: ${subject}`.trim();
}

function quotationOf({ said }: Thread): { readonly text: string; readonly html: string } | undefined {
  if (said === undefined) return undefined;
  const intro = `On ${new Date(said.at).toUTCString()}, ${said.by} wrote:`;
  const text = said.text.split("\n").map((line) => `> ${line}`.trimEnd());
  return {
    text: `\n\n${intro}\n${text.join("\n")}`,
    html: `<p>${escaped(intro)}</p><blockquote>${escaped(said.text).replaceAll("\n", "<br>")}</blockquote>`,
  };
}

interface Composing {
  readonly request: SendRequest;
  readonly settings: Pick<Settings, "address" | "name">;
  readonly thread: Thread | undefined;
  /** Without angles. */
  readonly messageId: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Throws `CHANNEL_REJECTED`. */
export async function compose({ request, settings, thread, messageId, at }: Composing): Promise<Composed> {
  const { address, text, plain = htmlToMarkdown(text), attachments = [], replyTo } = request;
  const to = recipientsOf(address.conversation);
  const answered = [replyTo, thread?.last].find((id) => id !== undefined && ID.test(id));
  const references = [...new Set([thread?.root, thread?.last, answered])]
    .filter((id) => id !== undefined && ID.test(id))
    .map((id) => `<${id}>`);
  const quotation = thread && quotationOf(thread);
  const composer = new MailComposer({
    from: { name: settings.name, address: settings.address },
    to: to.map((one) => ({ name: "", address: one })),
    subject: subjectOf(thread, plain),
    messageId: `<${messageId}>`,
    date: new Date(at),
    ...(answered !== undefined && { inReplyTo: `<${answered}>` }),
    ...(references.length > 0 && { references }),
    // Whatever answers mails by itself does not answer this one.
    headers: { "Auto-Submitted": answered === undefined ? "auto-generated" : "auto-replied", "X-Auto-Response-Suppress": "All" },
    text: `${plain}${quotation?.text ?? ""}`,
    html: `<!doctype html><html><body>${text}${quotation?.html ?? ""}</body></html>`,
    attachments: attachments.map(({ data, mimeType, fileName = "file" }) => ({
      content: Buffer.from(data, "base64"),
      filename: oneLine(fileName) || "file",
      contentType: /^[\w.+-]+\/[\w.+-]+$/.test(mimeType) ? mimeType : "application/octet-stream",
    })),
    newline: "win",
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return { to, bytes: await composer.compile().build(), plain };
}
