/** What Telegram answers instead, in the codes that delivery acts on. The one place that reads its descriptions, since it has no finer codes. */
import { loginRequired } from "@pincer/plugin-sdk/channel/trouble";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { GrammyError, HttpError } from "grammy/web";
import { howToLogIn } from "./config.ts";

const described = (error: unknown, pattern: RegExp): boolean => error instanceof GrammyError && pattern.test(error.description);

export const isUnchanged = (error: unknown): boolean => described(error, /message is not modified/i);
/** Another request for updates, or a webhook, took the messages. */
export const isConflict = (error: unknown): error is GrammyError => error instanceof GrammyError && error.error_code === 409;
export const isUnparsed = (error: unknown): boolean => described(error, /can't parse entities/i);
/** It is a file with a caption, whose text is edited by another method. */
export const isCaptioned = (error: unknown): boolean => described(error, /no text in the message to edit/i);
/** Telegram does not show it as what it was sent as; as a file it does. */
export const isNotShown = (error: unknown): boolean =>
  described(
    error,
    /PHOTO_|IMAGE_PROCESS_FAILED|VOICE_MESSAGES_FORBIDDEN|wrong file identifier|wrong type of|failed to get HTTP URL|file must be/i,
  );
export const isGone = (error: unknown): boolean => described(error, /message to delete not found/i);

/** Where a group is now that has become a supergroup. */
export const movedTo = (error: unknown): string | undefined => {
  const to = error instanceof GrammyError ? error.parameters.migrate_to_chat_id : undefined;
  return to === undefined ? undefined : String(to);
};

interface Where {
  /** Repeating the call does no harm. */
  readonly isSafe: boolean;
  /** The secret that holds the token. */
  readonly secret: string | undefined;
}

/** `error` is what a call of grammY threw. Neither the token nor what was sent stands in the result. */
export function failureOf(error: unknown, { isSafe, secret }: Where): unknown {
  // What the transport threw, in codes of ours already.
  if (error instanceof HttpError) return error.error;
  if (!(error instanceof GrammyError)) return error;
  const { error_code: status, description, parameters } = error;
  const said = `Telegram says: ${description}`;
  if (status === 429) {
    return channelErrors.CHANNEL_RATE_LIMITED(said, { retryAfterMs: Math.max(1, parameters.retry_after ?? 1) * 1000 });
  }
  // A token whose form is wrong is an address that Telegram does not have; another data centre's is misdirected.
  if (status === 401 || status === 421 || (status === 404 && description === "Not Found")) {
    return loginRequired(`Telegram does not accept the bot token (${description})`, howToLogIn(secret));
  }
  // A server that goes down refuses what it has not begun; of what it aborts it says something else.
  if (status >= 500) {
    return isSafe || /: restart$/.test(description) || status === 503
      ? channelErrors.CHANNEL_UNAVAILABLE(said)
      : channelErrors.CHANNEL_UNCERTAIN(said);
  }
  if (status === 409) return channelErrors.CHANNEL_UNAVAILABLE(said);
  return channelErrors.CHANNEL_REJECTED(said);
}
