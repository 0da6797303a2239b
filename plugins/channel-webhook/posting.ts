/** What is posted to the account's address: one message, signed, under a key that is the same each time that it is posted. */
import { readWithin } from "@pincer/plugin-sdk/channel/media";
import { failedRequest } from "@pincer/plugin-sdk/channel/transport";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { channelErrors, type SendRequest } from "@pincer/plugin-sdk/contracts/channel";
import type { Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import { refusedAddress, type Settings } from "./config.ts";
import { signed } from "./signature.ts";

/** Of what the receiver says about a message that it does not take, what is told. */
const MOST_REASON_BYTES = 64 * 1024;
const REASON_CHARACTERS = 200;

export interface Posting {
  readonly type: "message";
  /** The same each time that it is posted. */
  readonly id: string;
  readonly account: string;
  readonly conversation: string;
  readonly thread?: string;
  /** The id of the event that it answers. */
  readonly replyTo?: string;
  /** Markdown. */
  readonly text: string;
  /** Answers to choose from: the text of one is to be posted as a message of whoever chose. */
  readonly choices?: readonly { readonly label: string; readonly text: string }[];
  readonly attachments?: readonly Attachment[];
}

export const postingOf = ({ address, text, choices, attachments, replyTo, idempotencyKey }: SendRequest): Posting => ({
  type: "message",
  id: idempotencyKey,
  account: address.account,
  conversation: address.conversation,
  ...(address.thread !== undefined && { thread: address.thread }),
  ...(replyTo !== undefined && { replyTo }),
  text,
  ...(choices !== undefined && { choices }),
  ...(attachments !== undefined && { attachments }),
});

interface PostDeps {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly secret: string;
  fetch(url: string, init: RequestInit): Promise<Response>;
}

/** Resolves once the receiver has it. Throws in the codes of `channelErrors`. */
export async function post({ clock, settings, secret, fetch }: PostDeps, posting: Posting, caller: AbortSignal): Promise<void> {
  const refused = refusedAddress(settings);
  if (refused !== undefined || settings.url === undefined) throw channelErrors.CHANNEL_REJECTED(refused);
  const { host } = new URL(settings.url);
  const body = Buffer.from(JSON.stringify(posting));
  const ms = settings.requestTimeoutMs;
  using linked = linkSignals(caller);
  using _timer = clock.after(ms, () => linked.abort(new DOMException(`no answer in ${ms} ms`, "TimeoutError")));
  let response: Response;
  let reason: string;
  try {
    response = await fetch(settings.url, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": posting.id, ...signed(secret, clock.now(), body) },
      body,
      // Whoever answers at the address does not choose where the message goes.
      redirect: "manual",
      signal: linked.signal,
    });
    reason = await reasonOf(response);
  } catch (error) {
    throw caller.aborted ? caller.reason : failedRequest(error, host, true);
  }
  const { status } = response;
  if (status >= 200 && status < 300) return;
  const said = `${host} answers with status ${status}${reason === "" ? "" : `: ${reason}`}`;
  if (status === 429) throw channelErrors.CHANNEL_RATE_LIMITED(said, { retryAfterMs: retryAfterMs(response.headers, clock.now()) });
  if (status >= 500 || status === 408 || status === 425) throw channelErrors.CHANNEL_UNAVAILABLE(said);
  if (status < 400) throw channelErrors.CHANNEL_REJECTED(`${said}; redirects are not followed: set channels.webhook.url to where it leads`);
  const hint = status === 401 || status === 403 ? ` (does it have the secret of the account "${posting.account}"?)` : "";
  throw channelErrors.CHANNEL_REJECTED(`${said}${hint}`);
}

/** Read also when all is well: half an answer is none. */
async function reasonOf(response: Response): Promise<string> {
  const bytes = await readWithin(response, MOST_REASON_BYTES);
  return new TextDecoder().decode(bytes).replace(/\s+/g, " ").trim().slice(0, REASON_CHARACTERS);
}

/** In seconds or as a date. */
function retryAfterMs(headers: Headers, now: number): number {
  const given = headers.get("retry-after") ?? "";
  const ms = /^\d+$/.test(given) ? Number(given) * 1000 : Date.parse(given) - now;
  return Number.isFinite(ms) ? Math.max(1000, ms) : 1000;
}
