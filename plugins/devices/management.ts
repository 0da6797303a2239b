/**
 * What operators do with devices and their requests. Nobody hands out, changes or takes away more than he holds himself; a device may do to
 * itself what it likes. Whatever takes something away closes connections before anything else may decide, and before it is written down,
 * since the audit log may be unable to keep it.
 */
import { defineErrors } from "@pincer/plugin-sdk/error";
import type { MethodCall, Role, WireScope } from "@pincer/plugin-sdk/method";
import type { Queue } from "@pincer/plugin-sdk/queue";
import { knownScopes, lacking } from "@pincer/plugin-sdk/wire/scopes";
import { type Grant, grantOf, type Pairing, type PairRequest, type SeenDevice } from "./pairing.ts";

const errors = defineErrors({
  MISSING_SCOPE: { message: "missing scope", wire: "FORBIDDEN" },
  PAIRING_REQUEST_UNKNOWN: { message: "unknown requestId", wire: "INVALID_REQUEST" },
  PAIRING_DEVICE_UNKNOWN: { message: "unknown deviceId", wire: "INVALID_REQUEST" },
});
const unknownRequest = (requestId: string) =>
  errors.PAIRING_REQUEST_UNKNOWN(`no device asks to come in under ${requestId}: the request was answered or replaced, or is too old`);
const unknownDevice = (deviceId: string, role = "any") =>
  errors.PAIRING_DEVICE_UNKNOWN(`no device ${deviceId} is paired${role === "any" ? "" : ` as ${role}`}`);
const missingScope = (missing: WireScope) =>
  errors.MISSING_SCOPE(`missing scope: ${missing}`, { data: { missingScope: missing, requiredScopes: [missing] } });

/** Whose connections end, and what their close frame says. */
interface Revocation {
  readonly deviceId: string;
  readonly role?: Role;
  /** The connection that asked for it and got the new token. */
  readonly except?: string;
  readonly reason: "device removed" | "auth rotated";
}

interface Parts {
  readonly pairing: Pairing;
  readonly inTurn: Queue;
  readonly record: (principal: string, action: string, resources: readonly string[], outcome?: "refused") => Promise<unknown>;
  readonly disconnect: (revocation: Revocation) => Promise<unknown>;
  readonly answered: (request: PairRequest, decision: "approved" | "rejected") => void;
}

export function createManagement({ pairing, inTurn, record, disconnect, answered }: Parts) {
  const mustHold = async ({ connection, scopes }: MethodCall, action: string, resource: string, needed: readonly WireScope[]) => {
    const [missing] = lacking(scopes, needed);
    if (!missing) return;
    await record(connection.principal, action, [resource], "refused");
    throw missingScope(missing);
  };
  const waiting = async (requestId: string): Promise<PairRequest> => {
    const request = (await pairing.requests()).find((one) => one.requestId === requestId);
    if (!request) throw unknownRequest(requestId);
    return request;
  };

  return {
    async approve(requestId: string, call: MethodCall): Promise<SeenDevice> {
      const action = "device.pair.approve";
      const [request, device] = await inTurn(async () => {
        const found = await waiting(requestId);
        const { identity, facts, role, scopes } = found;
        await mustHold(call, action, identity.deviceId, scopes);
        const approved = await pairing.approve({ identity, facts, role, scopes }, "operator", pairing.answered(found));
        return [found, approved.device] as const;
      });
      await record(call.connection.principal, action, [device.deviceId, request.role, ...request.scopes]);
      answered(request, "approved");
      return device;
    },

    async reject(requestId: string, call: MethodCall): Promise<string> {
      const request = await inTurn(async () => {
        const found = await waiting(requestId);
        await pairing.reject(found);
        return found;
      });
      const { deviceId } = request.identity;
      await record(call.connection.principal, "device.pair.reject", [deviceId]);
      answered(request, "rejected");
      return deviceId;
    },

    async remove(deviceId: string, call: MethodCall): Promise<void> {
      const action = "device.pair.remove";
      await inTurn(async () => {
        const device = await pairing.find(deviceId);
        const held = knownScopes(device?.grants.flatMap(({ scopes }) => scopes) ?? []);
        await mustHold(call, action, deviceId, call.connection.deviceId === deviceId ? [] : held);
        if (!device) throw unknownDevice(deviceId);
        await pairing.remove(deviceId);
        await disconnect({ deviceId, reason: "device removed" });
      });
      await record(call.connection.principal, action, [deviceId]);
    },

    async rename(deviceId: string, label: string, call: MethodCall): Promise<void> {
      if (!(await inTurn(() => pairing.rename(deviceId, label)))) throw unknownDevice(deviceId);
      await record(call.connection.principal, "device.pair.rename", [deviceId]);
    },

    /**
     * Ends the token of a role and the connections that stand on it, and with `scopes` narrows what the device may do. With `rotate`, a
     * device that renews its own keeps the connection that asks, and is told the new token; nobody else ever is.
     */
    async renew(
      action: "rotate" | "revoke",
      { deviceId, role, scopes }: { readonly deviceId: string; readonly role: string; readonly scopes?: readonly string[] },
      call: MethodCall,
    ): Promise<{ readonly grant: Grant; readonly token?: string }> {
      const method = `device.token.${action}`;
      const itself = call.connection.deviceId === deviceId;
      const told = action === "rotate" && itself;
      const grant = await inTurn(async () => {
        const held = grantOf(await pairing.find(deviceId), role);
        await mustHold(call, method, deviceId, itself ? [] : (held?.scopes ?? []));
        const narrowed = scopes && knownScopes(scopes);
        const [beyond] = lacking(held?.scopes ?? [], narrowed ?? []);
        if (held && beyond) throw missingScope(beyond);
        const renewed = await pairing.renew(deviceId, role, narrowed);
        if (!renewed) throw unknownDevice(deviceId, role);
        await disconnect({ deviceId, role: renewed.role, reason: "auth rotated", ...(told && { except: call.connection.id }) });
        return renewed;
      });
      await record(call.connection.principal, method, [deviceId, role]);
      return { grant, ...(told && { token: await pairing.tokenOf(deviceId, grant) }) };
    },

    async issueLink(role: Role, scopes: readonly WireScope[], call: MethodCall) {
      await record(call.connection.principal, "access.bootstrap", [role, ...scopes]);
      return inTurn(() => pairing.issueLink(role, scopes));
    },
  };
}
