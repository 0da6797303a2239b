/** What is wrong with an account, and what somebody is to type then. */
import type { Trouble } from "@pincer/plugin-sdk/channel/trouble";
import type { AccountState } from "./manager.ts";

export function troubleOf({ status, lastError, hint, channel, account }: AccountState): Required<Trouble> {
  const detail = lastError ?? (status === "stopped" ? "it was stopped" : status);
  if (hint !== undefined && status !== "stopped") return { detail, hint };
  if (status === "login-required")
    return {
      detail,
      hint: `log in again: look at the account's token, then pincer call channels.start '{"channel":"${channel}","accountId":"${account}"}'`,
    };
  if (status === "failed")
    return {
      detail,
      hint: `pincer plugins enable channel-${channel}, if there is such a plugin; else pincer config set channels.${channel} --unset`,
    };
  if (status === "stopped") return { detail, hint: `pincer call channels.start '{"channel":"${channel}","accountId":"${account}"}'` };
  return { detail, hint: `pincer logs --level warn says what happened to ${channel}/${account}` };
}
