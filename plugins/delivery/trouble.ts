/** What is wrong with an account, and what somebody is to type then. */
import type { AccountState } from "./manager.ts";

export interface Trouble {
  readonly detail: string;
  readonly hint: string;
}

export function troubleOf({ status, lastError, channel, account }: AccountState): Trouble {
  const detail = lastError ?? (status === "stopped" ? "it was stopped" : status);
  if (status === "login-required")
    return {
      detail,
      hint: `log in again: look at the account's token, then pincer call channels.start '{"channel":"${channel}","accountId":"${account}"}'`,
    };
  if (status === "failed")
    return {
      detail,
      hint: `pincer plugins enable channel-${channel}, if there is such a plugin; else mend channels.${channel} in the configuration`,
    };
  if (status === "stopped") return { detail, hint: `pincer call channels.start '{"channel":"${channel}","accountId":"${account}"}'` };
  return { detail, hint: `pincer logs --level warn says what happened to ${channel}/${account}` };
}
