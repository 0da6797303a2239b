/** What plugins may do with devices, by the contracts `devices` and `bootstrap`: each decision is made here, whoever asks for it. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { bootstrap } from "@pincer/plugin-sdk/contracts/bootstrap";
import { type Caller, type devices, type PairedDevice, pairRequested, pairResolved } from "@pincer/plugin-sdk/contracts/devices";
import { defineErrors } from "@pincer/plugin-sdk/error";
import type { Emit } from "@pincer/plugin-sdk/event";
import type { Role, WireScope } from "@pincer/plugin-sdk/method";
import { knownScopes, lacking } from "@pincer/plugin-sdk/wire/scopes";
import type { Audit } from "./audit.ts";
import type { DeviceIdentity } from "./device.ts";
import { type Device, type Grant, grantOf, type Pairing, type PairRequest } from "./pairing.ts";
import type { AccessSettings } from "./settings.ts";

const pairingErrors = defineErrors({
  MISSING_SCOPE: { message: "missing scope", wire: "FORBIDDEN" },
  PAIRING_REQUEST_UNKNOWN: { message: "unknown requestId", wire: "INVALID_REQUEST" },
  PAIRING_DEVICE_UNKNOWN: { message: "unknown deviceId", wire: "INVALID_REQUEST" },
});

/** Whose connections end, and what their close frame (4001) says. */
export interface Revocation {
  readonly deviceId: string;
  /** Absent: in every role. */
  readonly role?: Role;
  /** The connection that asked for it and got the new token. */
  readonly except?: string;
  readonly reason: "device removed" | "auth rotated";
}

export interface DevicesParts {
  readonly pairing: Pairing;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly settings: () => AccessSettings;
  readonly identity: () => DeviceIdentity;
  readonly emit: Emit;
  /** Closes the connections it names. */
  readonly onRevoked: (revocation: Revocation) => void;
  /** Those that are open. */
  readonly connections: () => readonly { readonly id: string; readonly deviceId: string | undefined }[];
  /** Where the gateway listens, as `http://host:port`. */
  readonly url: () => string;
}

const unknownRequest = (requestId: string) =>
  pairingErrors.PAIRING_REQUEST_UNKNOWN(
    `unknown requestId ${requestId}: answered, replaced or too old; device.pair.list names those that wait`,
  );
const unknownDevice = (deviceId: string, role = "any") =>
  pairingErrors.PAIRING_DEVICE_UNKNOWN(`no paired device ${deviceId} in role ${role}; device.pair.list names those that are`);
const missingScope = (missing: WireScope) =>
  pairingErrors.MISSING_SCOPE(`missing scope: ${missing}`, { data: { missingScope: missing, requiredScopes: [missing] } });
const shownRequest = ({ identity, facts, role, scopes, ...request }: PairRequest) => ({
  ...{ ...identity, ...facts, ...request, role, roles: [role], scopes: [...scopes], silent: false },
});
const shownGrant = ({ role, scopes, issuedAtMs }: Grant) => ({ role, scopes: [...scopes], issuedAtMs });

export function createDevices(parts: DevicesParts) {
  const { pairing, audit, clock, settings, identity, emit, onRevoked, connections, url } = parts;

  const record = ({ principal }: Caller, action: string, resources: readonly string[], outcome: "ok" | "refused" = "ok") =>
    audit.append({ principal, action, resources, outcome });
  const isItself = (caller: Caller, deviceId: string) =>
    connections().some((open) => open.id === caller.connection && open.deviceId === deviceId);
  const answered = ({ requestId, identity: { deviceId } }: PairRequest, decision: "approved" | "rejected") =>
    emit(pairResolved, { requestId, deviceId, decision, ts: clock.now() });
  const shown = ({ grants, ...device }: Device): PairedDevice => ({
    ...device,
    connected: connections().some(({ deviceId }) => deviceId === device.deviceId),
    grants: grants.map(shownGrant),
  });

  /** Nobody hands out, changes or takes away more than he holds himself, or than `reach`, which is what the plugin that asks may do. */
  const guard =
    (reach: () => readonly WireScope[], least: WireScope) =>
    async (caller: Caller, action: string, resource: string, scopes: readonly WireScope[] = [], itself = false) => {
      const own = lacking(knownScopes(caller.scopes), itself ? [least] : [least, ...scopes]);
      const [missing] = [...own, ...lacking(reach(), [least, ...scopes])];
      if (!missing) return;
      await record(caller, action, [resource], "refused");
      throw missingScope(missing);
    };

  return {
    requested: (request: PairRequest) => emit(pairRequested, shownRequest(request)),

    devices(reach: () => readonly WireScope[]): ImplementationOf<typeof devices> {
      const mustHold = guard(reach, "operator.pairing");
      return {
        list: async () => ({ pending: (await pairing.requests()).map(shownRequest), paired: (await pairing.list()).map(shown) }),

        async approve({ requestId, caller }) {
          const request = (await pairing.requests()).find((waiting) => waiting.requestId === requestId);
          if (!request) throw unknownRequest(requestId);
          const { deviceId } = request.identity;
          await mustHold(caller, "device.pair.approve", deviceId, request.scopes);
          const device = await pairing.approve(request, "operator", requestId);
          if (!device) throw unknownRequest(requestId);
          await record(caller, "device.pair.approve", [deviceId, request.role, ...request.scopes]);
          answered(request, "approved");
          return shown(device);
        },

        async reject({ requestId, caller }) {
          await mustHold(caller, "device.pair.reject", requestId);
          const request = await pairing.reject(requestId);
          if (!request) throw unknownRequest(requestId);
          const { deviceId } = request.identity;
          await record(caller, "device.pair.reject", [deviceId]);
          answered(request, "rejected");
          return { deviceId };
        },

        async remove({ deviceId, caller }) {
          const device = await pairing.find(deviceId);
          const held = knownScopes(device?.grants.flatMap(({ scopes }) => scopes) ?? []);
          await mustHold(caller, "device.pair.remove", deviceId, held, isItself(caller, deviceId));
          if (!device) throw unknownDevice(deviceId);
          await pairing.remove(deviceId);
          // Before the log, which may be unable to keep it.
          onRevoked({ deviceId, reason: "device removed" });
          await record(caller, "device.pair.remove", [deviceId]);
          return {};
        },

        async rename({ deviceId, label, caller }) {
          await mustHold(caller, "device.pair.rename", deviceId);
          if (!(await pairing.rename(deviceId, label))) throw unknownDevice(deviceId);
          await record(caller, "device.pair.rename", [deviceId]);
          return {};
        },

        async renewToken({ deviceId, role, scopes, tell = false, caller }) {
          const action = tell ? "device.token.rotate" : "device.token.revoke";
          const held = grantOf(await pairing.find(deviceId), role);
          const itself = isItself(caller, deviceId);
          await mustHold(caller, action, deviceId, held?.scopes, itself);
          const narrowed = scopes && knownScopes(scopes);
          const [beyond] = lacking(held?.scopes ?? [], narrowed ?? []);
          if (held && beyond) throw missingScope(beyond);
          const grant = await pairing.renew(deviceId, role, narrowed);
          if (!grant) throw unknownDevice(deviceId, role);
          const told = tell && itself;
          onRevoked({ deviceId, role: grant.role, reason: "auth rotated", ...(told ? { except: caller.connection } : {}) });
          await record(caller, action, [deviceId, role]);
          return { ...shownGrant(grant), ...(told ? { token: pairing.tokenOf(deviceId, grant) } : {}) };
        },
      };
    },

    bootstrap(reach: () => readonly WireScope[]): ImplementationOf<typeof bootstrap> {
      const mustHold = guard(reach, "operator.admin");
      return {
        async gateway() {
          const { auth, publicUrl } = settings();
          return { ...identity(), authMode: auth.mode, url: url(), ...(publicUrl ? { publicUrl } : {}) };
        },
        async issue({ role, scopes, caller }) {
          await mustHold(caller, "access.bootstrap", role);
          await record(caller, "access.bootstrap", [role, ...scopes]);
          return pairing.issueBootstrap(role, knownScopes(scopes));
        },
      };
    },
  };
}
