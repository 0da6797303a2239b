/** Mails that no person waits behind: answered, two programs would write to each other for ever. */
import { domainOf } from "./address.ts";

/** The value of the first field of that name. */
export type Field = (name: string) => string | undefined;

/** Names of mailboxes that nobody reads. */
const NOBODY = /^(?:mailer-daemon|postmaster|(?:no|do-?not|dont)[-_.]?reply|bounces?|autoreply|auto-reply)(?:[+\-_.=].*)?$/;

/** What only lists and mass mailings have. */
const OF_LISTS = ["list-id", "list-post", "list-help", "list-unsubscribe", "list-subscribe", "feedback-id"];
const OF_PROGRAMS = ["x-autoreply", "x-autorespond", "x-auto-reply", "x-autoresponder", "x-loop", "x-failed-recipients", "x-cron-env"];

/** Why it is not answered, whoever wrote it; undefined where a person may have. */
export function whyAutomatic(field: Field, writer: string): string | undefined {
  const word = (name: string) =>
    field(name)
      ?.trim()
      .toLowerCase()
      .split(/[\s;(]/, 1)[0];
  const submitted = word("auto-submitted");
  if (submitted !== undefined && submitted !== "no") return `Auto-Submitted: ${submitted}`;
  const precedence = word("precedence");
  if (precedence !== undefined && /^(bulk|junk|list|auto_reply)$/.test(precedence)) return `Precedence: ${precedence}`;
  if (/\b(all|autoreply|oof)\b/i.test(field("x-auto-response-suppress") ?? "")) return "X-Auto-Response-Suppress";
  const telling = [...OF_LISTS, ...OF_PROGRAMS].find((name) => field(name) !== undefined);
  if (telling !== undefined) return telling;
  if (field("return-path")?.trim() === "<>") return "it is a bounce";
  const type = word("content-type") ?? "";
  if (type === "multipart/report" || /^message\/(delivery-status|disposition-notification|feedback-report)$/.test(type))
    return `it is a report (${type})`;
  const local = writer.slice(0, -domainOf(writer).length - 1);
  return NOBODY.test(local) ? `nobody reads ${writer}` : undefined;
}
