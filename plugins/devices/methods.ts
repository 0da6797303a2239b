/** Pairing, device tokens and the gateway's identity on the wire (`protocol` sections 4.2 and 5). */
import { RoleName } from "@pincer/plugin-sdk/contracts/authenticator";
import { defineEvent } from "@pincer/plugin-sdk/event";
import { defineMethod, type WireScope } from "@pincer/plugin-sdk/method";
import { type Static, type TProperties, type TSchema, Type } from "@sinclair/typebox";

const Text = Type.String({ minLength: 1 });
const Texts = Type.Array(Text);
const At = Type.Integer({ minimum: 0 });
const Maybe = Type.Optional(Text);
const list = <T extends TSchema>(schema: T) => Type.Array(schema);

/** What a device says of itself. */
const deviceFacts = { displayName: Maybe, platform: Maybe, deviceFamily: Maybe, clientId: Maybe, clientMode: Maybe, remoteIp: Maybe };
const DeviceFacts = Type.Object(deviceFacts);
export type DeviceFacts = Static<typeof DeviceFacts>;

const Requested = Type.Object({
  ...{ requestId: Text, deviceId: Text, publicKey: Text, ...deviceFacts, role: RoleName, roles: Texts, scopes: Texts },
  ...{ silent: Type.Boolean(), isRepair: Type.Boolean(), ts: At },
});

const Paired = Type.Object({
  ...{ deviceId: Text, publicKey: Text, ...deviceFacts, label: Maybe, approvedVia: Text, connected: Type.Boolean() },
  ...{ createdAtMs: At, approvedAtMs: At, lastSeenAtMs: At, roles: Texts, scopes: Texts },
  tokens: list(Type.Object({ role: Text, scopes: Texts, createdAtMs: At })),
});

export const pairRequested = defineEvent({
  name: "device.pair.requested",
  summary: "A device asks to be paired.",
  scope: "operator.pairing",
  payload: Requested,
});
export const pairResolved = defineEvent({
  name: "device.pair.resolved",
  summary: "A request to pair was answered.",
  scope: "operator.pairing",
  payload: Type.Object({ requestId: Text, deviceId: Text, decision: Text, ts: At }),
});

const method = <P extends TProperties, R extends TProperties>(
  name: string,
  summary: string,
  params: P,
  result: R,
  scope: WireScope = "operator.pairing",
) => defineMethod({ name, summary, scope, params: Type.Object(params, { additionalProperties: false }), result: Type.Object(result) });
const one = { requestId: Text };
const ofRole = { deviceId: Text, role: Text };

export const pairList = method("device.pair.list", "Who asks, and who is paired.", {}, { pending: list(Requested), paired: list(Paired) });
export const pairApprove = method("device.pair.approve", "Let a device in as it asked.", one, { ...one, device: Paired });
export const pairReject = method("device.pair.reject", "Turn a request down.", one, { ...one, deviceId: Text });
export const pairRemove = method("device.pair.remove", "Forget a device and end its connections.", { deviceId: Text }, { deviceId: Text });
export const pairRename = method(
  "device.pair.rename",
  "Give a device a name of one's own.",
  { deviceId: Text, label: Type.String({ minLength: 1, maxLength: 64 }) },
  { deviceId: Text, label: Text },
);
export const tokenRotate = method(
  "device.token.rotate",
  "End a token, and with `scopes` narrow what its device may do; the new one is told to the device itself alone.",
  { ...ofRole, scopes: Type.Optional(Texts) },
  { ...ofRole, scopes: Texts, rotatedAtMs: At, token: Maybe, tokenDelivery: Text },
);
export const tokenRevoke = method("device.token.revoke", "End a token; the shared secret gets another.", ofRole, {
  ...{ ...ofRole, revokedAtMs: At },
});
export const setupCode = method(
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
export const loginLink = method(
  "gateway.loginLink",
  "A link that logs one browser in, once.",
  {},
  { url: Type.String(), expiresAtMs: At },
  "operator.admin",
);
export const identityGet = method(
  "gateway.identity.get",
  "The gateway's own device id and public key.",
  {},
  { deviceId: Text, publicKey: Text },
  "operator.read",
);
