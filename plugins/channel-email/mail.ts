/** A mail out of the bytes that it came as: who wrote it, to whom, what it continues, and what it says. */
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import PostalMime, { type Email } from "postal-mime";
import { addressesIn, type Mailbox, writerOf } from "./address.ts";
import { type Authentication, authenticate } from "./authentication.ts";
import { whyAutomatic } from "./automatic.ts";
import type { Settings } from "./config.ts";
import { isOwnId } from "./ids.ts";

const LONGEST_SUBJECT = 200;
const LONGEST_ID = 250;
const MOST_REFERENCES = 50;

export interface Mail {
  readonly writer: Mailbox;
  /** Everybody else whom it was sent to. */
  readonly others: readonly string[];
  /** The assistant stands in To, and not in Cc alone. */
  readonly isAddressed: boolean;
  /** Ids without their angles. */
  readonly id: string | undefined;
  /** The mail that the exchange began with. */
  readonly root: string | undefined;
  readonly inReplyTo: string | undefined;
  readonly subject: string;
  /** Epoch milliseconds, as its writer says; undefined when they do not. */
  readonly writtenAt: number | undefined;
  readonly authentication: Authentication;
  readonly email: Email;
}

/** `why`: what keeps it from being answered, for the log. */
export type Reading = { readonly mail: Mail } | { readonly why: string };

export const headerEnds = (bytes: Uint8Array): boolean => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return text.includes("\r\n\r\n") || text.includes("\n\n");
};

const idsIn = (text: string | undefined): readonly string[] =>
  [...(text ?? "").matchAll(/<([\x21-\x3b\x3d\x3f-\x7e]{3,})>/g)]
    .flatMap(([, id = ""]) => (id.length <= LONGEST_ID ? [id] : []))
    .slice(0, MOST_REFERENCES);

const oneLine = (text: string): string => visibleText(text).replace(/\s+/g, " ").trim().slice(0, LONGEST_SUBJECT).toWellFormed();

/** Throws where it is no mail. */
export async function parseMail(bytes: Uint8Array): Promise<Email> {
  return await PostalMime.parse(bytes, { forceRfc822Attachments: true, maxNestingDepth: 20, maxHeadersSize: 1_000_000 });
}

/** Only fields that every server takes for one: with a blank before its colon a forged one may be left in. */
const resultsIn = ({ headers, headerLines }: Email): readonly string[] =>
  headers.filter((_, index) => /^authentication-results:/i.test(headerLines[index]?.line ?? "")).map(({ value }) => value);

export function readMail(email: Email, settings: Pick<Settings, "address" | "authservId">): Reading {
  const all = (name: string) => email.headers.filter(({ key }) => key === name).map(({ value }) => value);
  const field = (name: string) => all(name)[0];
  const writer = writerOf(all("from"));
  if (writer === undefined) return { why: "whom it is from cannot be read in one way" };
  if (writer.address === settings.address) return { why: "it is from the assistant itself" };
  const automatic = whyAutomatic(field, writer.address);
  if (automatic !== undefined) return { why: `a program sent it (${automatic})` };
  const to = addressesIn(all("to"));
  const [id] = idsIn(field("message-id"));
  if (id !== undefined && isOwnId(id)) return { why: "it is a copy of the assistant's own" };
  const [inReplyTo] = idsIn(field("in-reply-to"));
  const written = Date.parse(field("date") ?? "");
  return {
    mail: {
      writer,
      others: [...new Set([...to, ...addressesIn(all("cc"))])]
        .filter((other) => other !== settings.address && other !== writer.address)
        .sort(),
      isAddressed: to.includes(settings.address),
      id,
      root: idsIn(field("references"))[0] ?? inReplyTo ?? id,
      inReplyTo,
      subject: oneLine(email.subject ?? ""),
      writtenAt: Number.isNaN(written) ? undefined : written,
      authentication: authenticate(resultsIn(email), settings.authservId, writer.address),
      email,
    },
  };
}
