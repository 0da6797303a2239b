/** `pincer channels status`: how each account is, as its platform says, and what to do about one that is not well. */
import type { Command, CommandIo } from "@pincer/plugin-sdk";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import type { channelsStatus } from "./methods.ts";
import { inLine } from "./status.ts";

export const STATUS_COMMAND: Command = {
  name: "channels status",
  family: "Where people write to the assistant, and how each account is",
  summary: "Asks the platform of each account whether its login holds, and says what to do",
  usage: "[channel]",
};

type Status = ResultOf<typeof channelsStatus>;
type Account = Status["channelAccounts"][string][number];

function linesOf(channel: string, { accountId, enabled, connected, healthState, probe, lastError, lastUndelivered }: Account): string[] {
  const name = `${channel}/${accountId}`;
  if (!enabled) return [`-  ${name}  turned off`];
  const isWell = connected && probe?.ok === true;
  const self = probe?.self === undefined ? "" : ` as ${inLine(probe.self)}`;
  const trouble = inLine(probe?.detail ?? lastError ?? healthState);
  return [
    `${isWell ? "✓" : "✗"}  ${name}  ${isWell ? `connected${self}` : trouble}`,
    ...(isWell || probe?.hint === undefined ? [] : [`   mend: ${inLine(probe.hint)}`]),
    ...(lastUndelivered === null
      ? []
      : [
          `   a message to ${inLine(lastUndelivered.conversation)} ${lastUndelivered.state === "failed" ? "was not delivered" : "may not have been delivered"}: ${inLine(lastUndelivered.detail)}`,
        ]),
  ];
}

/** What somebody does first who has no channel. */
async function nothingYet(io: CommandIo): Promise<string> {
  const { plugins } = (await io.call("plugins.status", {})) as { readonly plugins: readonly { readonly id: string }[] };
  const there = plugins.flatMap(({ id }) => (id.startsWith("channel-") ? id.slice("channel-".length) : []));
  if (there.length === 0) return "no channel is set up, and no plugin is installed that has one";
  return `no channel is set up; there are: ${there.join(", ")}\n   next: pincer config set channels.${there[0]}.enabled true (docs/channels says what each needs)`;
}

export async function runStatus([channel]: readonly string[], io: CommandIo): Promise<number> {
  const status = (await io.call("channels.status", { probe: true, ...(channel === undefined ? {} : { channel }) })) as Status;
  const accounts = Object.entries(status.channelAccounts).flatMap(([id, listed]) => listed.map((account) => [id, account] as const));
  if (io.json) io.print(JSON.stringify(status, null, 2));
  else if (channel !== undefined && !status.channelOrder.includes(channel)) {
    io.print(`no plugin that is on has the channel ${JSON.stringify(channel)}; pincer channels status shows those that are set up`);
    return 1;
  } else if (accounts.length === 0) io.print(await nothingYet(io));
  else for (const line of accounts.flatMap(([id, account]) => linesOf(id, account))) io.print(line);
  return accounts.every(([, { enabled, connected, probe }]) => !enabled || (connected && probe?.ok === true)) ? 0 : 1;
}
