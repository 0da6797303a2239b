/** Pairing, device tokens and the gateway's identity on the wire (`protocol` sections 4.2 and 5). */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { defineErrors } from "@pincer/plugin-sdk/error";
import { defineEvent } from "@pincer/plugin-sdk/event";
import { defineMethod, type MethodCall, type Role, type WireScope } from "@pincer/plugin-sdk/method";
import { type TProperties, type TSchema, Type } from "@sinclair/typebox";
import { bindMethod, type Emit, type MethodBinding } from "../bus/bindings.ts";
import type { Audit } from "./audit.ts";
import type { DeviceIdentity } from "./device.ts";
import { type Device, facts, grantOf, type Pairing, type PairRequest } from "./pairing.ts";
import { knownScopes, lacking, wireScopes } from "./scopes.ts";
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

const Text = Type.String({ minLength: 1 });
const Texts = Type.Array(Text);
const At = Type.Integer({ minimum: 0 });
const Maybe = Type.Optional(Text);
const Pending = Type.Object({
  ...{ requestId: Text, deviceId: Text, publicKey: Text, ...facts, role: Text, roles: Texts, scopes: Texts },
  ...{ silent: Type.Boolean(), isRepair: Type.Boolean(), ts: At },
});
const Paired = Type.Object({
  ...{ deviceId: Text, publicKey: Text, label: Maybe, ...facts, roles: Texts, scopes: Texts, approvedVia: Text },
  ...{ createdAtMs: At, approvedAtMs: At, lastSeenAtMs: At, connected: Type.Boolean() },
  tokens: Type.Array(Type.Object({ role: Text, scopes: Texts, createdAtMs: At })),
});

const scope = "operator.pairing";
export const pairRequested = defineEvent({
  name: "device.pair.requested",
  summary: "A device asks to be paired.",
  scope,
  payload: Pending,
});
export const pairResolved = defineEvent({
  name: "device.pair.resolved",
  summary: "A request to pair was answered.",
  scope,
  payload: Type.Object({ requestId: Text, deviceId: Text, decision: Text, ts: At }),
});

const method = <P extends TProperties, R extends TProperties>(
  name: string,
  summary: string,
  params: P,
  result: R,
  needs: WireScope = scope,
) =>
  defineMethod({ name, summary, scope: needs, params: Type.Object(params, { additionalProperties: false }), result: Type.Object(result) });
const one = { requestId: Text };
const ofRole = { deviceId: Text, role: Text };
const list = <T extends TSchema>(schema: T) => Type.Array(schema);

const pairList = method("device.pair.list", "Who asks, and who is paired.", {}, { pending: list(Pending), paired: list(Paired) });
const pairApprove = method("device.pair.approve", "Let a device in as it asked.", one, { ...one, device: Paired });
const pairReject = method("device.pair.reject", "Turn a request down.", one, { ...one, deviceId: Text });
const pairRemove = method("device.pair.remove", "Forget a device and end its connections.", { deviceId: Text }, { deviceId: Text });
const pairRename = method(
  "device.pair.rename",
  "Give a device a name of one's own.",
  { deviceId: Text, label: Type.String({ minLength: 1, maxLength: 64 }) },
  { deviceId: Text, label: Text },
);
const tokenRotate = method(
  "device.token.rotate",
  "End a token, and with `scopes` narrow what its device may do; the new one is told to the device itself alone.",
  { ...ofRole, scopes: Type.Optional(Texts) },
  { ...ofRole, scopes: Texts, rotatedAtMs: At, token: Maybe, tokenDelivery: Text },
);
const tokenRevoke = method("device.token.revoke", "End a token; the shared secret gets another.", ofRole, { ...ofRole, revokedAtMs: At });
const setupCode = method(
  "device.pair.setupCode",
  "A code that pairs one device, once: base64url of `{url, bootstrapToken}`. The answer holds no picture and no second link, asked for or not.",
  {
    ...{ publicUrl: Maybe, preferRemoteUrl: Type.Optional(Type.Boolean()), includeQr: Type.Optional(Type.Boolean()) },
    joinUrl: Type.Optional(Type.Literal(true)),
    bootstrapProfile: Type.Optional(Type.Union([Type.Literal("limited"), Type.Literal("node")])),
  },
  { setupCode: Text, gatewayUrl: Text, auth: Text, urlSource: Text, access: Text, expiresAtMs: At },
  "operator.admin",
);
const identityGet = method(
  "gateway.identity.get",
  "The gateway's own device id and public key.",
  {},
  { deviceId: Text, publicKey: Text },
  "operator.read",
);

/** What a setup code brings, by profile; `full` is its absence. */
const profiles: Readonly<Record<"full" | "limited" | "node", readonly [Role, readonly WireScope[]]>> = {
  full: ["operator", wireScopes],
  limited: ["operator", ["operator.read", "operator.write", "operator.approvals", "operator.questions"]],
  node: ["node", []],
};

export const pendingOf = ({ identity, facts, requestId, role, scopes, isRepair, ts }: PairRequest) => ({
  ...{ requestId, ...identity, ...facts, role, roles: [role], scopes: [...scopes], silent: false, isRepair, ts },
});

const scopesOf = ({ grants }: Device) => knownScopes(grants.flatMap(({ scopes }) => scopes));
const missingScope = (missing: WireScope, requiredScopes: readonly WireScope[]) =>
  pairingErrors.MISSING_SCOPE(`missing scope: ${missing}`, { data: { missingScope: missing, requiredScopes } });

export function deviceMethods(parts: {
  readonly pairing: Pairing;
  readonly audit: Audit;
  readonly identity: () => DeviceIdentity;
  readonly settings: () => AccessSettings;
  readonly emit: Emit;
  readonly onRevoked: (revocation: Revocation) => void;
  readonly connected: (deviceId: string) => boolean;
  /** Where the gateway listens, as `ws://host:port`. */
  readonly url: () => string;
  readonly clock: Clock;
}): MethodBinding[] {
  const { pairing, audit, identity, settings, emit, onRevoked, connected, url, clock } = parts;

  const pairedOf = ({ grants, facts, ...device }: Device) => ({
    ...{ ...device, ...facts, connected: connected(device.deviceId) },
    ...{ roles: grants.map(({ role }) => role), scopes: scopesOf({ grants, facts, ...device }) },
    tokens: grants.map(({ role, scopes, issuedAtMs }) => ({ role, scopes: [...scopes], createdAtMs: issuedAtMs })),
  });
  const unknownDevice = (deviceId: string, role = "any") =>
    pairingErrors.PAIRING_DEVICE_UNKNOWN(`no paired device ${deviceId} in role ${role}; device.pair.list names those that are`);
  const unknownRequest = (requestId: string) =>
    pairingErrors.PAIRING_REQUEST_UNKNOWN(
      `unknown requestId ${requestId}: answered, replaced or too old; device.pair.list names those that wait`,
    );
  const record = ({ connection }: MethodCall, action: string, resources: readonly string[], outcome: "ok" | "refused" = "ok") =>
    audit.append({ principal: connection.principal, action, resources, outcome });
  const resolve = ({ requestId, identity: { deviceId } }: PairRequest, decision: "approved" | "rejected") =>
    emit(pairResolved, { requestId, deviceId, decision, ts: clock.now() });

  /** Nobody hands out, changes or takes away more than he holds himself. */
  async function mustHold(call: MethodCall, action: string, deviceId: string, scopes: readonly WireScope[]) {
    const [missing] = lacking(call.scopes, scopes);
    if (!missing) return;
    await record(call, action, [deviceId], "refused");
    throw missingScope(missing, scopes);
  }

  /** Ends the token of a role and says to whom the next one may be told. */
  async function renew(call: MethodCall, action: string, deviceId: string, role: string, scopes?: readonly WireScope[]) {
    const held = grantOf(await pairing.find(deviceId), role);
    if (!held) throw unknownDevice(deviceId, role);
    if (call.connection.deviceId !== deviceId) await mustHold(call, action, deviceId, held.scopes);
    const [beyond] = lacking(held.scopes, scopes ?? []);
    if (beyond) throw missingScope(beyond, scopes ?? []);
    const grant = await pairing.renew(deviceId, role, scopes);
    if (!grant) throw unknownDevice(deviceId, role);
    await record(call, action, [deviceId, role]);
    return grant;
  }

  return [
    bindMethod(identityGet, () => ({ ...identity() })),
    bindMethod(pairList, async () => ({
      pending: (await pairing.requests()).map(pendingOf),
      paired: (await pairing.list()).map(pairedOf),
    })),
    bindMethod(pairApprove, async ({ requestId }, call) => {
      const request = (await pairing.requests()).find((waiting) => waiting.requestId === requestId);
      if (!request) throw unknownRequest(requestId);
      const { deviceId } = request.identity;
      await mustHold(call, pairApprove.name, deviceId, request.scopes);
      const device = await pairing.approve(request, "operator", requestId);
      await record(call, pairApprove.name, [deviceId, request.role, ...request.scopes]);
      resolve(request, "approved");
      return { requestId, device: pairedOf(device) };
    }),
    bindMethod(pairReject, async ({ requestId }, call) => {
      const request = await pairing.reject(requestId);
      if (!request) throw unknownRequest(requestId);
      await record(call, pairReject.name, [request.identity.deviceId]);
      resolve(request, "rejected");
      return { requestId, deviceId: request.identity.deviceId };
    }),
    bindMethod(pairRemove, async ({ deviceId }, call) => {
      const device = await pairing.find(deviceId);
      if (!device) throw unknownDevice(deviceId);
      if (call.connection.deviceId !== deviceId) await mustHold(call, pairRemove.name, deviceId, scopesOf(device));
      await pairing.remove(deviceId);
      await record(call, pairRemove.name, [deviceId]);
      onRevoked({ deviceId, reason: "device removed" });
      return { deviceId };
    }),
    bindMethod(pairRename, async ({ deviceId, label }, call) => {
      if (!(await pairing.rename(deviceId, label))) throw unknownDevice(deviceId);
      await record(call, pairRename.name, [deviceId]);
      return { deviceId, label };
    }),
    bindMethod(tokenRotate, async ({ deviceId, role, scopes }, call) => {
      const grant = await renew(call, tokenRotate.name, deviceId, role, scopes && knownScopes(scopes));
      const itself = call.connection.deviceId === deviceId;
      onRevoked({ deviceId, role: grant.role, reason: "auth rotated", ...(itself ? { except: call.connection.id } : {}) });
      const told = itself
        ? { token: pairing.tokenOf(deviceId, grant), tokenDelivery: "in-band" }
        : { tokenDelivery: "withheld-cross-device" };
      return { deviceId, role, scopes: [...grant.scopes], rotatedAtMs: grant.issuedAtMs, ...told };
    }),
    bindMethod(tokenRevoke, async ({ deviceId, role }, call) => {
      const grant = await renew(call, tokenRevoke.name, deviceId, role);
      onRevoked({ deviceId, role: grant.role, reason: "auth rotated" });
      return { deviceId, role, revokedAtMs: grant.issuedAtMs };
    }),
    bindMethod(setupCode, async ({ publicUrl, bootstrapProfile: access = "full" as const }) => {
      const { auth, publicUrl: configured, bootstrapTtlMs } = settings();
      const gatewayUrl = publicUrl ?? configured ?? url();
      const urlSource = publicUrl ? "params" : configured ? "configuration" : "bind";
      const { token, expiresAtMs } = await pairing.issueBootstrap(...profiles[access], bootstrapTtlMs);
      const code = Buffer.from(JSON.stringify({ url: gatewayUrl, bootstrapToken: token })).toString("base64url");
      return { setupCode: code, gatewayUrl, auth: auth.mode === "password" ? "password" : "token", urlSource, access, expiresAtMs };
    }),
  ];
}
