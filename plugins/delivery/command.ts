/** `pincer channels status`: how each account is, as its platform says, and what to do about one that is not well. */
import type { Command, CommandIo } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { columns } from "@pincer/plugin-sdk/command/columns";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import type { channelsStatus } from "./methods.ts";
import { deliveryErrors } from "./targets.ts";

export const STATUS_COMMAND: Command = {
  name: "channels status",
  family: "Where people write to the assistant, and how each account is",
  summary: "Asks the platform of each account whether its login holds, and says what to do",
  usage: "[channel]",
};

type Status = ResultOf<typeof channelsStatus>;
type Account = Status["channelAccounts"][string][number];

function row(
  channel: string,
  { accountId, enabled, connected, healthState, probe, lastError, lastUndelivered }: Account,
): [string, string] {
  const name = `${channel}/${accountId}`;
  if (!enabled) return [`${dot("off")} ${name}`, "turned off"];
  const isWell = connected && probe?.ok === true;
  const self = probe?.self === undefined ? "" : ` as ${plainly(probe.self)}`;
  const lines = [isWell ? `connected${self}` : plainly(probe?.detail ?? lastError ?? healthState)];
  if (!isWell && probe?.hint !== undefined) lines.push(`mend: ${plainly(probe.hint)}`);
  if (lastUndelivered !== null) {
    const { conversation, state, detail } = lastUndelivered;
    const how = state === "failed" ? "was not delivered" : "may not have been delivered";
    lines.push(`a message to ${plainly(conversation)} ${how}: ${plainly(detail)}`);
  }
  return [`${dot(isWell ? "good" : "bad")} ${name}`, lines.join("\n")];
}

/** Of which a plugin is here, whether it is on or not. */
async function channelsHere(io: CommandIo): Promise<readonly string[]> {
  const { plugins } = (await io.call("plugins.status", {})) as { readonly plugins: readonly { readonly id: string }[] };
  return plugins.flatMap(({ id }) => (id.startsWith("channel-") ? id.slice("channel-".length) : []));
}

async function notOn(channel: string, io: CommandIo): Promise<Error> {
  const there = await channelsHere(io);
  if (there.includes(channel))
    return deliveryErrors.DELIVERY_CHANNEL_UNKNOWN(
      `the channel ${channel} is off: pincer config set channels.${channel}.enabled true, with what docs/channels/${channel}.md says it needs`,
    );
  const near = suggestion(channel, there) || (there.length > 0 ? `; there are: ${there.join(", ")}` : "");
  return deliveryErrors.DELIVERY_CHANNEL_UNKNOWN(`no plugin here has the channel ${JSON.stringify(channel)}${near}`);
}

/** What somebody does first who has no channel. */
async function nothingYet(io: CommandIo): Promise<string> {
  const there = await channelsHere(io);
  if (there.length === 0) return "no channel is set up, and no plugin is installed that has one";
  return `no channel is set up; there are: ${there.join(", ")}\n  next  pincer config set channels.${there[0]}.enabled true (docs/channels says what each needs)`;
}

export async function runStatus([channel]: readonly string[], io: CommandIo): Promise<number> {
  const status = (await io.call("channels.status", { probe: true, ...(channel === undefined ? {} : { channel }) })) as Status;
  const accounts = Object.entries(status.channelAccounts).flatMap(([id, listed]) => listed.map((account) => [id, account] as const));
  if (channel !== undefined && !status.channelOrder.includes(channel)) throw await notOn(channel, io);
  if (io.json) io.print(JSON.stringify(status, null, 2));
  else if (accounts.length === 0) io.print(await nothingYet(io));
  else io.print(columns(accounts.map(([id, account]) => row(id, account))).join("\n"));
  return accounts.every(([, { enabled, connected, probe }]) => !enabled || (connected && probe?.ok === true)) ? EXIT.done : EXIT.failed;
}
