/** `pincer channels status`: how each account is, as its platform says, and what to do about one that is not well. */
import { join } from "node:path";
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
  summary: "Ask the platform of each account whether its login holds, and say what to do",
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

interface ChannelHere {
  readonly name: string;
  /** Of its plugin. */
  readonly folder: string;
}

/** Of which a plugin is here, whether it is on or not. */
async function channelsHere(io: CommandIo): Promise<readonly ChannelHere[]> {
  const { plugins } = (await io.call("plugins.status", {})) as { readonly plugins: readonly { readonly id: string; folder: string }[] };
  return plugins.flatMap(({ id, folder }) => (id.startsWith("channel-") ? [{ name: id.slice("channel-".length), folder }] : []));
}

const turnedOn = (channel: string) => `pincer config set channels.${channel}.enabled true`;

/** The secret that turns it on, as its manifest names it; else its switch. */
async function firstStep({ name, folder }: ChannelHere): Promise<string> {
  const manifest = (await Bun.file(join(folder, "plugin.json"))
    .json()
    .catch(() => ({}))) as { readonly enableWhen?: { readonly secrets?: readonly string[] } }; // silent-ok: the gateway says what is wrong with it
  const secret = manifest.enableWhen?.secrets?.[0];
  return secret === undefined ? turnedOn(name) : `pincer secrets set ${secret}`;
}

async function notOn(channel: string, io: CommandIo): Promise<Error> {
  const there = (await channelsHere(io)).map(({ name }) => name);
  if (there.includes(channel))
    return deliveryErrors.DELIVERY_CHANNEL_UNKNOWN(
      `the channel ${channel} is off: ${turnedOn(channel)}, with what docs/channels/${channel}.md says it needs`,
    );
  const near = suggestion(channel, there) || (there.length > 0 ? `; there are: ${there.join(", ")}` : "");
  return deliveryErrors.DELIVERY_CHANNEL_UNKNOWN(`no plugin here has the channel ${JSON.stringify(channel)}${near}`);
}

/** What somebody does first who has no channel. */
async function nothingYet(io: CommandIo): Promise<string> {
  const there = await channelsHere(io);
  if (there.length === 0) return "no channel is set up, and no plugin is installed that has one\n  next  pincer search channel";
  const rows = await Promise.all(there.map(async (one) => [one.name, await firstStep(one)] as const));
  return [
    "no channel is set up; each begins with a line of these (docs/channels says what else it needs)",
    ...columns(rows, { indent: "  " }),
  ].join("\n");
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
