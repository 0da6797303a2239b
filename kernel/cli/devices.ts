import { systemClock } from "../clock.ts";
import { connect } from "./client.ts";
import type { Invocation, Run } from "./command.ts";
import { EXIT } from "./failure.ts";
import { dim, duration, green, table, yellow } from "./terminal.ts";

interface Device {
  readonly deviceId: string;
  readonly displayName?: string;
  readonly platform?: string;
  readonly clientId?: string;
}
interface Pending extends Device {
  readonly requestId: string;
  readonly role: string;
  readonly scopes: readonly string[];
}
interface Paired extends Device {
  readonly lastSeenAtMs?: number;
  readonly connected: boolean;
}

const named = ({ displayName, clientId, platform }: Device): string => [displayName ?? clientId, platform].filter(Boolean).join(", ");

export const list: Run = async ({ home, terminal }) => {
  using client = await connect(home);
  const devices = await client.call<{ pending: Pending[]; paired: Paired[] }>("device.pair.list", {});
  const asks = devices.pending.map((device) => [device.requestId, named(device), `${device.role}: ${device.scopes.join(" ")}`]);
  const paired = devices.paired.map((device) => [
    device.deviceId.slice(0, 12),
    named(device),
    device.connected ? green("connected") : dim(device.lastSeenAtMs ? `${duration(systemClock.now() - device.lastSeenAtMs)} ago` : ""),
  ]);
  const parts = [
    ...(asks.length > 0
      ? [yellow("These ask to come in:"), table(["request", "device", "wants"], asks), dim("pincer devices approve <request>"), ""]
      : []),
    paired.length > 0 ? table(["device", "name", "seen"], paired) : dim("no paired devices"),
  ];
  terminal.result(devices, parts.join("\n"));
  return EXIT.done;
};

const decide = async ({ home, terminal }: Invocation, method: string, params: object, text: string): Promise<number> => {
  using client = await connect(home);
  terminal.result(await client.call(method, params), `${green("●")} ${text}`);
  return EXIT.done;
};

export const approve: Run = (invocation) =>
  decide(invocation, "device.pair.approve", { requestId: invocation.args[0] }, "the device may come in");
export const reject: Run = (invocation) =>
  decide(invocation, "device.pair.reject", { requestId: invocation.args[0] }, "the device was turned down");

/** The beginning of an id is enough when it fits one device alone. */
export const remove: Run = async (invocation) => {
  const [wanted = ""] = invocation.args;
  using client = await connect(invocation.home);
  const { paired } = await client.call<{ paired: Paired[] }>("device.pair.list", {});
  const fitting = paired.filter(({ deviceId }) => deviceId.startsWith(wanted));
  const deviceId = fitting.length === 1 ? fitting[0]!.deviceId : wanted;
  return decide(invocation, "device.pair.remove", { deviceId }, `${deviceId.slice(0, 12)} is forgotten`);
};
