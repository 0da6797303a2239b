/** Who is here, as `presence` and `system-presence` say it (`protocol` section 1.7). */
import { type Static, Type } from "@sinclair/typebox";
import type { ConnectionInfo, Role, WireScope } from "../method.ts";
import type { ConnectParams } from "./connect.ts";

const Text = Type.Optional(Type.String({ minLength: 1 }));
const Texts = Type.Optional(Type.Array(Type.String({ minLength: 1 })));
const Natural = Type.Optional(Type.Integer({ minimum: 0 }));

/** What a device may say of itself in `system-event`. */
export const PresenceReport = Type.Object({
  deviceId: Text,
  instanceId: Text,
  host: Text,
  ip: Text,
  mode: Text,
  version: Text,
  platform: Text,
  deviceFamily: Text,
  modelIdentifier: Text,
  lastInputSeconds: Natural,
  reason: Text,
  roles: Texts,
  scopes: Texts,
  tags: Texts,
});
export type PresenceReport = Static<typeof PresenceReport>;

export const PresenceEntry = Type.Object({
  ...PresenceReport.properties,
  ts: Type.Integer({ minimum: 0 }),
  text: Type.Optional(Type.String()),
  timeZone: Text,
  clientId: Text,
  onlineSince: Natural,
});
export type PresenceEntry = Static<typeof PresenceEntry>;

/** Somebody who is connected. */
export interface Present {
  readonly client: ConnectParams["client"];
  readonly info: Pick<ConnectionInfo, "remoteAddress" | "deviceId">;
  readonly role: Role;
  readonly scopes: readonly WireScope[];
  /** Epoch milliseconds. */
  readonly openedAt: number;
}

export function presenceOf({ client, info, role, scopes, openedAt }: Present): PresenceEntry {
  const { id: clientId, version, platform, mode, displayName, deviceFamily, modelIdentifier, timeZone, instanceId } = client;
  return {
    ts: openedAt,
    host: displayName ?? clientId,
    ip: info.remoteAddress,
    version,
    platform,
    mode,
    reason: "connect",
    clientId,
    roles: [role],
    scopes: [...scopes],
    onlineSince: openedAt,
    deviceId: info.deviceId,
    deviceFamily,
    modelIdentifier,
    timeZone,
    instanceId,
  };
}
