/** `pincer channels status`: how each account is, as its platform says, and what to do about one that is not well. */
import type { Command, CommandIo } from "@pincer/plugin-sdk";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import type { channelsStatus } from "./methods.ts";

export const STATUS_COMMAND: Command = {
  name: "channels status",
  family: "Where people write to the assistant, and how each account is",
  summary: "Asks the platform of each account whether its login holds, and says what to do",
  usage: "[channel]",
};

type Status = ResultOf<typeof channelsStatus>;
type Account = Status["channelAccounts"][string][number];

/** What a platform says must not steer the terminal that it is shown on. */
const shown = (text: string): string => text.replace(/\p{Cc}+/gu, " ").trim();

function linesOf(channel: string, { accountId, enabled, connected, healthState, probe, lastError, lastUndelivered }: Account): string[] {
  const name = `${channel}/${accountId}`;
  if (!enabled) return [`-  ${name}  turned off`];
  const isWell = connected && probe?.ok === true;
  const self = probe?.self === undefined ? "" : ` as ${shown(probe.self)}`;
  const trouble = shown(probe?.detail ?? lastError ?? healthState);
  return [
    `${isWell ? "✓" : "✗"}  ${name}  ${isWell ? `connected${self}` : trouble}`,
    ...(isWell || probe?.hint === undefined ? [] : [`   mend: ${shown(probe.hint)}`]),
    ...(lastUndelivered === null
      ? []
      : [
          `   a message to ${shown(lastUndelivered.conversation)} ${lastUndelivered.state === "failed" ? "was not delivered" : "may not have been delivered"}: ${shown(lastUndelivered.detail)}`,
        ]),
  ];
}

export async function runStatus([channel]: readonly string[], io: CommandIo): Promise<number> {
  const status = (await io.call("channels.status", { probe: true, ...(channel === undefined ? {} : { channel }) })) as Status;
  const accounts = Object.entries(status.channelAccounts).flatMap(([id, listed]) => listed.map((account) => [id, account] as const));
  if (io.json) io.print(JSON.stringify(status, null, 2));
  else if (accounts.length === 0) io.print("no account is configured; docs/channels says how one is set up");
  else for (const line of accounts.flatMap(([id, account]) => linesOf(id, account))) io.print(line);
  return accounts.every(([, { enabled, connected, probe }]) => !enabled || (connected && probe?.ok === true)) ? 0 : 1;
}
