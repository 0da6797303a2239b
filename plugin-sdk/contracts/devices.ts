/**
 * Paired devices, those that ask to be, and their tokens. Who may approve, change or end what is decided by the kernel, at each call:
 *
 * - Whoever acts must hold `operator.pairing` and every scope that he hands out, changes or takes away. A device may do to itself what it
 *   likes; which device that is, the kernel knows by the connection, which must be open.
 * - The plugin says who calls, and is believed: it is a part of the gateway. But a call through it reaches no further than the plugin's
 *   own `permissions.scopes`: one that names `operator.pairing` alone never touches a device that holds more, whoever it says is calling.
 */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { defineEvent } from "../event.ts";
import type { MethodCall } from "../method.ts";

const Text = Type.String({ minLength: 1 });
const Texts = Type.Array(Text);
const Maybe = Type.Optional(Text);
const At = Type.Integer({ minimum: 0 });
const RoleName = Type.Union([Type.Literal("operator"), Type.Literal("node")]);

/** On whose behalf a plugin acts. */
export const Caller = Type.Object({ principal: Text, scopes: Texts, connection: Text });
export type Caller = Static<typeof Caller>;

export const callerOf = ({ connection, scopes }: Pick<MethodCall, "connection" | "scopes">): Caller => ({
  principal: connection.principal,
  scopes: [...scopes],
  connection: connection.id,
});

const identity = { deviceId: Text, publicKey: Text };

/** What a device says of itself. */
export const deviceFacts = {
  displayName: Maybe,
  platform: Maybe,
  deviceFamily: Maybe,
  clientId: Maybe,
  clientMode: Maybe,
  remoteIp: Maybe,
};

/** A request to be paired, as the wire shows it. */
export const PairRequest = Type.Object({
  ...{ requestId: Text, ...identity, ...deviceFacts, role: RoleName, roles: Texts, scopes: Texts },
  ...{ silent: Type.Boolean(), isRepair: Type.Boolean(), ts: At },
});

/** What a device may do in one role. */
export const DeviceGrant = Type.Object({ role: RoleName, scopes: Texts, issuedAtMs: At });

export const PairedDevice = Type.Object({
  ...{ ...identity, label: Maybe, facts: Type.Object(deviceFacts), connected: Type.Boolean() },
  approvedVia: Type.Union([Type.Literal("silent"), Type.Literal("bootstrap"), Type.Literal("operator")]),
  ...{ createdAtMs: At, approvedAtMs: At, lastSeenAtMs: At, grants: Type.Array(DeviceGrant) },
});
export type PairedDevice = Static<typeof PairedDevice>;

const scope = "operator.pairing";

export const pairRequested = defineEvent({
  name: "device.pair.requested",
  summary: "A device asks to be paired.",
  scope,
  payload: PairRequest,
});
export const pairResolved = defineEvent({
  name: "device.pair.resolved",
  summary: "A request to pair was answered.",
  scope,
  payload: Type.Object({ requestId: Text, deviceId: Text, decision: Text, ts: At }),
});

/** Each throws `MISSING_SCOPE`, `PAIRING_REQUEST_UNKNOWN` or `PAIRING_DEVICE_UNKNOWN`. */
export const devices = defineContract({
  id: "devices",
  version: 1,
  arity: "one",
  scope,
  members: {
    list: call(Type.Object({}), Type.Object({ pending: Type.Array(PairRequest), paired: Type.Array(PairedDevice) }), { safe: true }),
    approve: call(Type.Object({ requestId: Text, caller: Caller }), PairedDevice),
    reject: call(Type.Object({ requestId: Text, caller: Caller }), Type.Object({ deviceId: Text })),
    /** Ends its tokens for ever, and its connections. */
    remove: call(Type.Object({ deviceId: Text, caller: Caller }), Type.Object({})),
    rename: call(Type.Object({ deviceId: Text, label: Type.String({ minLength: 1, maxLength: 64 }), caller: Caller }), Type.Object({})),
    /**
     * Ends the token of a role and the connections that stand on it, and with `scopes` narrows what the device may do. With `tell` a
     * device that renews its own keeps the connection that asks, and is told the new token; nobody else ever is.
     */
    renewToken: call(
      Type.Object({
        ...{ deviceId: Text, role: Text, scopes: Type.Optional(Texts), tell: Type.Optional(Type.Boolean()) },
        caller: Caller,
      }),
      Type.Object({ ...DeviceGrant.properties, token: Maybe }),
    ),
  },
});
