/** The way to the mailbox: ImapFlow, bounded in what it takes, and its errors in the codes of channels. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import { ImapFlow, type SearchObject } from "imapflow";
import { loginRequired, type Settings } from "./config.ts";

const MEGABYTE = 1024 * 1024;
/** How much of a mail is looked at before anything is decided: all of its header, and of most mails everything. */
export const HEAD_BYTES = 128 * 1024;
/** Base64 makes four bytes of three, and ends lines. */
export const mostBytes = ({ mediaBytes }: Settings): number => Math.ceil(mediaBytes * 1.4) + 2 * MEGABYTE;
const LONGEST_SAID = 200;
/** How long a connection is quiet before it waits to be told of mail. */
const IDLE_AFTER_MS = 50;

/** What a server said, in one line that a person can read, without the password. */
export const saidBy = (text: unknown, { password }: Pick<Settings, "password">): string =>
  visibleText(typeof text === "string" ? text : "")
    .replaceAll(password, "…")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, LONGEST_SAID);

const isOfCertificate = (code: string): boolean => /CERT|ALTNAME|SIGNATURE|_CRL/.test(code);

/** Why there is no connection, for people; for IMAP and SMTP alike. */
export function whyNotOpened(code: string | undefined, which: "imap" | "smtp", settings: Settings): string {
  const { host, port, security } = settings[which];
  const how = code === undefined ? "" : ` (${code})`;
  if (code !== undefined && isOfCertificate(code))
    return `${host}:${port} shows a certificate that is not trusted${how}: is channels.email.${which} right? Where no public authority vouches for it, set channels.email.ca`;
  const encrypted = security === "none" ? "" : `, and does it speak ${security === "tls" ? "TLS from the first byte" : "STARTTLS"}`;
  return `${host}:${port} cannot be reached${how}: is channels.email.${which} right${encrypted}?`;
}

interface ImapTrouble {
  readonly code?: unknown;
  readonly authenticationFailed?: unknown;
  readonly serverResponseCode?: unknown;
  readonly responseText?: unknown;
  readonly response?: unknown;
  readonly tlsFailed?: unknown;
}

/** Codes with which a server refuses a login that may be right (RFC 5530). */
const FOR_NOW = new Set(["UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "CONTACTADMIN", "OVERQUOTA"]);

/** What ImapFlow calls a connection that was there. */
const BROKEN = new Set(["NoConnection", "EConnectionClosed", "StateLogout", "ETIMEOUT"]);

/** In the codes of `channelErrors`; an error of ours as it is. */
export function failureOf(error: unknown, settings: Settings): Error {
  if (isGatewayError(error)) return error;
  const { code, authenticationFailed, serverResponseCode, responseText, response } = (error ?? {}) as ImapTrouble;
  const { host, port } = settings.imap;
  const said = saidBy(responseText ?? response, settings);
  const because = said === "" ? "" : `: ${said}`;
  const short = typeof code === "string" ? code : undefined;
  if (authenticationFailed === true && !(typeof serverResponseCode === "string" && FOR_NOW.has(serverResponseCode))) {
    const where = settings.secret === undefined ? "put the right one where it stands" : `pincer secrets set ${settings.secret}`;
    return loginRequired(
      `${host} does not accept the login of ${settings.login}${because}`,
      `${where}; many providers want a password for apps, made in the settings of the account`,
    );
  }
  if (short === "ETHROTTLE" || serverResponseCode === "LIMIT")
    return channelErrors.CHANNEL_RATE_LIMITED(`${host} asks to wait${because}`, { retryAfterMs: 60_000 });
  if (said !== "") return channelErrors.CHANNEL_UNAVAILABLE(`${host}:${port} says: ${said}`);
  if (short === undefined || BROKEN.has(short)) return channelErrors.CHANNEL_UNAVAILABLE(`the connection to ${host}:${port} broke`);
  return channelErrors.CHANNEL_UNAVAILABLE(whyNotOpened(short, "imap", settings));
}

export interface Mailbox extends Disposable {
  readonly client: ImapFlow;
  /** Why the connection ended, once it has. */
  readonly ended: Promise<Error>;
  /** Runs against the connection; throws in the codes of `channelErrors`. */
  ask<T>(run: (client: ImapFlow) => Promise<T>): Promise<T>;
}

/** Logged in. Throws in the codes of `channelErrors`; closed with the signal. */
export async function openMailbox(settings: Settings, signal: AbortSignal): Promise<Mailbox> {
  const { imap, ca, login, password, pollMs, timeoutMs } = settings;
  signal.throwIfAborted();
  const client = new ImapFlow({
    host: imap.host,
    port: imap.port,
    secure: imap.security === "tls",
    ...(imap.security !== "tls" && { doSTARTTLS: imap.security === "starttls" }),
    auth: { user: login, pass: password },
    tls: ca === undefined ? {} : { ca },
    logger: false,
    clientInfo: { name: "Pincer" },
    // What is packed may unpack to anything.
    disableCompression: true,
    disableBinary: true,
    autoIdleDelay: IDLE_AFTER_MS,
    maxIdleTime: pollMs,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: pollMs + timeoutMs,
    maxLineLength: 8 * MEGABYTE,
    maxLiteralSize: mostBytes(settings) + MEGABYTE,
    maxResponseSize: mostBytes(settings) + 10 * MEGABYTE,
  });
  const { promise: ended, resolve: end } = Promise.withResolvers<Error>();
  let trouble: unknown;
  client.on("error", (error: unknown) => {
    trouble ??= error;
  });
  client.on("close", () => end(failureOf(trouble, settings)));
  const close = () => client.close();
  signal.addEventListener("abort", close, { once: true });
  const ask: Mailbox["ask"] = async (run) => {
    try {
      return await run(client);
    } catch (error) {
      throw signal.aborted ? signal.reason : failureOf(error, settings);
    }
  };
  try {
    await ask(() => client.connect());
  } catch (error) {
    close();
    signal.removeEventListener("abort", close);
    throw error;
  }
  return {
    client,
    ended,
    ask,
    [Symbol.dispose]() {
      signal.removeEventListener("abort", close);
      close();
    },
  };
}

/** The folder of what was sent: as the settings say, or as the server marks it; undefined where there is none. */
export async function sentFolderOf(box: Mailbox, { sentFolder }: Settings): Promise<string | undefined> {
  if (sentFolder !== undefined) return sentFolder;
  const folders = await box.ask((client) => client.list());
  return (folders.find(({ specialUse }) => specialUse === "\\Sent") ?? folders.find(({ path }) => /^(inbox[./])?sent$/i.test(path)))?.path;
}

/** The numbers of those mails of the open folder, in order. */
export async function uidsOf(box: Mailbox, query: SearchObject): Promise<readonly number[]> {
  const found = await box.ask((client) => client.search(query, { uid: true }));
  // A server that refuses has not said that there is nothing.
  if (!Array.isArray(found)) throw channelErrors.CHANNEL_UNAVAILABLE(`${box.client.host} does not say which mails there are`);
  return found.toSorted((a, b) => a - b);
}

/** Whether a mail with that Message-ID lies in the folder of what was sent. In a connection of its own, since another folder is opened. */
export async function wasSent(settings: Settings, messageId: string, signal: AbortSignal): Promise<boolean> {
  using box = await openMailbox(settings, signal);
  const folder = await sentFolderOf(box, settings);
  if (folder === undefined) return false;
  await box.ask((client) => client.mailboxOpen(folder, { readOnly: true }));
  return (await uidsOf(box, { header: { "message-id": messageId } })).length > 0;
}

/** Resolves with `signal`'s abort, the end of the connection, that time, or what `told` resolves by. */
export async function waitForMail(
  box: Mailbox,
  told: Promise<void>,
  { clock, pollMs }: { readonly clock: Clock; readonly pollMs: number },
  signal: AbortSignal,
): Promise<void> {
  const aborted = Promise.withResolvers<void>();
  const onAbort = () => aborted.resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const timer = Promise.withResolvers<void>();
  using _timer = clock.after(pollMs, () => timer.resolve());
  try {
    const end = await Promise.race([told, aborted.promise, timer.promise, box.ended]);
    if (end instanceof Error && !signal.aborted) throw end;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
