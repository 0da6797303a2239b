/** What is wrong with an account or a message, and what somebody is to do about it: together in an error's message, and each by itself. */
import { channelErrors } from "../contracts/channel.ts";
import { errorMessage, isGatewayError } from "../error.ts";

export interface Trouble {
  readonly detail: string;
  readonly hint?: string;
}

/** `hint` is what to do, with the command to type where there is one. */
export const loginRequired = (detail: string, hint: string) =>
  channelErrors.CHANNEL_LOGIN_REQUIRED(`${detail}: ${hint}`, { data: { detail, hint } });

export const rejected = (detail: string, hint: string) => channelErrors.CHANNEL_REJECTED(`${detail}: ${hint}`, { data: { detail, hint } });

/** For `probe` and the like, which show both apart; `otherwise` is the hint where the error has none. */
export function troubleIn(error: unknown, otherwise?: string): Trouble {
  const { detail, hint } = (isGatewayError(error) ? error.data : undefined) ?? {};
  if (typeof detail === "string" && typeof hint === "string") return { detail, hint };
  return { detail: errorMessage(error), ...(otherwise !== undefined && { hint: otherwise }) };
}
