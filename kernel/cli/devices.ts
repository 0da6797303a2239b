import { dim, dot, green, yellow } from "@pincer/plugin-sdk/command/colour";
import { table } from "@pincer/plugin-sdk/command/columns";
import { duration } from "@pincer/plugin-sdk/command/duration";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { asking } from "./client.ts";

type Device = { readonly deviceId: string } & { readonly [Fact in "displayName" | "platform" | "clientId"]?: string };
type Pending = Device & { readonly requestId: string; readonly role: string; readonly scopes: readonly string[] };
type Paired = Device & { readonly lastSeenAtMs?: number; readonly connected: boolean };

const named = ({ displayName, clientId, platform }: Device): string => [displayName ?? clientId, platform].filter(Boolean).join(", ");

export const list = asking(async (client) => {
  const devices = await client.call<{ pending: Pending[]; paired: Paired[] }>("device.pair.list", {});
  const asks = devices.pending.map((device) => [device.requestId, named(device), `${device.role}: ${device.scopes.join(" ")}`]);
  const seen = ({ connected, lastSeenAtMs }: Paired) =>
    connected ? green("connected") : dim(lastSeenAtMs ? `${duration(systemClock.now() - lastSeenAtMs)} ago` : "");
  const paired = devices.paired.map((device) => [device.deviceId.slice(0, 12), named(device), seen(device)]);
  const parts = paired.length > 0 ? [table(["device", "name", "seen"], paired)] : [dim("no paired devices")];
  const wants = table(["request", "device", "wants"], asks);
  if (asks.length > 0) parts.unshift(yellow("These ask to come in:"), wants, dim("pincer devices approve <request>"), "");
  return [devices, parts.join("\n")];
});

const decide = (verb: "approve" | "reject", said: string) =>
  asking(async (client, { args: [requestId] }) => [await client.call(`device.pair.${verb}`, { requestId }), `${dot("good")} ${said}`]);
export const approve = decide("approve", "the device may come in");
export const reject = decide("reject", "the device was turned down");

/** The beginning of an id is enough when it fits one device alone. */
export const remove = asking(async (client, { args: [wanted = ""] }) => {
  const { paired } = await client.call<{ paired: Paired[] }>("device.pair.list", {});
  const fitting = paired.filter(({ deviceId }) => deviceId.startsWith(wanted));
  const deviceId = fitting.length === 1 ? fitting[0]!.deviceId : wanted;
  return [await client.call("device.pair.remove", { deviceId }), `${dot("good")} ${deviceId.slice(0, 12)} is forgotten`];
});
