/** A provider of mail as the conformance suite of channels sees it: names are mailboxes, conversations first mails. */
import type { ChannelPlatform, Posted, Said } from "@pincer/plugin-sdk/testing/channel-suite";
import { lineNetwork } from "@pincer/plugin-sdk/testing/line-faults";
import { letter } from "./person.ts";
import { startFakeMail } from "./server.ts";
import type { Sent } from "./world.ts";

export const ASSISTANT = "pincer@pincer.test";
export const AUTHSERV_ID = "mx.pincer.test";
export const idOf = (name: string): string => `${name}@example.test`;

/** What the servers would say, each in its own words. The line of a mail that is refused does not reach them. */
export const mailNetwork = lineNetwork({
  "rate-limited": (line) =>
    line.startsWith("MIME") ? "451 4.7.1 try again in 2 seconds\r\n" : `${line.split(" ", 1)[0]} NO [LIMIT] slow down\r\n`,
  unavailable: (line) => (line.startsWith("MIME") ? "451 4.3.0 not now\r\n" : `${line.split(" ", 1)[0]} NO [UNAVAILABLE] not now\r\n`),
  rejected: (line) => (line.startsWith("MIME") ? "554 5.7.1 no\r\n" : `${line.split(" ", 1)[0]} NO no\r\n`),
});

const field = (text: string, name: string): string =>
  new RegExp(`^${name}:\\s*(.*(?:\r\n[ \t].*)*)`, "im").exec(text)?.[1]?.replace(/\r\n\s*/g, " ") ?? "";

/** The parts of a mail as its composer makes them: each with its type, its name and its decoded content. */
function partsOf(text: string): readonly { readonly type: string; readonly name?: string; readonly content: Buffer }[] {
  const end = text.indexOf("\r\n\r\n");
  const [header, body] = [text.slice(0, end), text.slice(end + 4)];
  const type = field(header, "content-type");
  const [, boundary] = /boundary="([^"]+)"/.exec(type) ?? [];
  if (boundary !== undefined)
    return body
      .split(`--${boundary}`)
      .slice(1, -1)
      .flatMap((part) => partsOf(part.replace(/^\r\n/, "").replace(/\r\n$/, "")));
  const encoding = field(header, "content-transfer-encoding").toLowerCase();
  const content =
    encoding === "base64"
      ? Buffer.from(body, "base64")
      : Buffer.from(
          encoding === "quoted-printable"
            ? body.replace(/=\r\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
            : body,
          "latin1",
        );
  const [, name] = /name="?([^";]+)"?/.exec(type) ?? [];
  return [
    { type: type.split(";", 1)[0]!, content, ...(name !== undefined && field(header, "content-disposition") !== "" ? { name } : {}) },
  ];
}

/** `room-1.7` for the thread 7 of that conversation; without a thread `main`. */
const rootOf = ({ conversation, thread = "main" }: Pick<Said, "conversation" | "thread">): string =>
  `${conversation.split("@", 1)[0]}.${thread}@root.test`;

export function shown({ text, to }: Sent): Posted {
  const parts = partsOf(text);
  const [root = ""] = field(text, "references").split(" ");
  const [, conversation, thread] = /^<(.+)\.(\w+)@root\.test>$/.exec(root) ?? [];
  const files = parts.filter(({ name }) => name !== undefined);
  return {
    conversation: conversation === undefined ? to[0]! : idOf(conversation),
    text:
      parts
        .find(({ type, name }) => type === "text/plain" && name === undefined)
        ?.content.toString()
        .replaceAll("\r\n", "\n")
        .trimEnd() ?? "",
    id: field(text, "message-id").slice(1, -1),
    replyTo: field(text, "in-reply-to").slice(1, -1),
    ...(thread !== undefined && thread !== "main" && { thread }),
    ...(files.length > 0 && { attachments: files.map(({ name, type }) => ({ fileName: name!, mimeType: type })) }),
  };
}

export async function startSuitePlatform({ now = Date.now }: { readonly now?: () => number } = {}): Promise<ChannelPlatform> {
  const mail = await startFakeMail({ user: ASSISTANT, now });
  let count = 0;
  return {
    url: `127.0.0.1:${mail.imap},127.0.0.1:${mail.smtp}`,
    say({ conversation, from, text, thread, group, attachments = [] }) {
      const id = `said-${++count}@example.test`;
      const [first] = attachments;
      const others = group ? [idOf("club-member")] : [];
      const isTo = group === undefined || group.mentions;
      const content = first
        ? {
            "Content-Type": 'multipart/mixed; boundary="parts"',
            body: `--parts\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${text}\r\n--parts\r\nContent-Type: ${first.mimeType}\r\nContent-Disposition: attachment; filename="${first.fileName}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${first.data}\r\n--parts--\r\n`,
          }
        : { "Content-Type": "text/plain; charset=utf-8", body: text };
      const { body, ...type } = content;
      mail.deliver(
        letter({
          from,
          to: [...(isTo ? [ASSISTANT] : []), ...others].join(", "),
          text: body,
          header: {
            ...(!isTo && { Cc: ASSISTANT }),
            Date: new Date(now()).toUTCString(),
            "Message-ID": `<${id}>`,
            References: `<${rootOf({ conversation, ...(thread !== undefined && { thread }) })}>`,
            "Authentication-Results": `${AUTHSERV_ID}; dmarc=pass header.from=example.test`,
            ...type,
          },
        }),
        now(),
      );
      return id;
    },
    get posted() {
      return mail.world.sent.map(shown);
    },
    message: async (index) => shown(await mail.sent(index)),
    revoke() {
      mail.world.password = "another";
      mail.disconnect();
    },
    [Symbol.asyncDispose]: () => mail[Symbol.asyncDispose](),
  };
}
