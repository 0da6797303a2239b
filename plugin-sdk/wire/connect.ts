/** Parameters of `connect` (`protocol` section 1.3). Unknown keys are accepted and ignored, here alone: newer clients add fields. */
import { type Static, Type } from "@sinclair/typebox";

export const protocolVersion = 4;
/** What nodes and probes may still speak. */
export const oldestVersion = 3;

const Text = (maxLength?: number) => Type.String(maxLength === undefined ? { minLength: 1 } : { minLength: 1, maxLength });
const oneOf = <const T extends string[]>(values: T) => Type.Union(values.map((value) => Type.Literal(value as T[number])));

const ClientId = oneOf([
  "webchat-ui",
  "openclaw-control-ui",
  "openclaw-browser-copilot",
  "openclaw-tui",
  "webchat",
  "cli",
  "gateway-client",
  "openclaw-macos",
  "openclaw-linux",
  "openclaw-ios",
  "openclaw-watchos",
  "openclaw-android",
  "node-host",
  "openclaw-worker",
  "test",
  "fingerprint",
  "openclaw-probe",
]);

const ClientMode = oneOf(["webchat", "cli", "ui", "backend", "node", "worker", "probe", "test"]);

/** What a device proves itself with: its key, and a signature over `deviceClaim`. */
export const SignedDevice = Type.Object({
  id: Text(),
  publicKey: Text(),
  signature: Text(),
  signedAt: Type.Integer({ minimum: 0 }),
  nonce: Text(),
});

export const ConnectParams = Type.Object({
  minProtocol: Type.Integer({ minimum: 1 }),
  maxProtocol: Type.Integer({ minimum: 1 }),
  client: Type.Object({
    id: ClientId,
    version: Text(),
    platform: Text(),
    mode: ClientMode,
    displayName: Type.Optional(Text()),
    buildId: Type.Optional(Text(96)),
    deviceFamily: Type.Optional(Text()),
    modelIdentifier: Type.Optional(Text()),
    timeZone: Type.Optional(Text(64)),
    instanceId: Type.Optional(Text()),
  }),
  /** `operator` when absent. Any other word than `operator` and `node` is refused by access, with its own message. */
  role: Type.Optional(Text()),
  /** Absent means none, not all. Sent to the signature in this order. */
  scopes: Type.Optional(Type.Array(Text())),
  caps: Type.Optional(Type.Array(Text())),
  commands: Type.Optional(Type.Array(Text())),
  permissions: Type.Optional(Type.Record(Type.String(), Type.Boolean())),
  pathEnv: Type.Optional(Type.String()),
  computerUse: Type.Optional(Type.Unknown()),
  workerRuns: Type.Optional(Type.Unknown()),
  modelCatalog: Type.Optional(Type.Object({})),
  device: Type.Optional(SignedDevice),
  auth: Type.Optional(
    Type.Object({
      token: Type.Optional(Type.String()),
      password: Type.Optional(Type.String()),
      deviceToken: Type.Optional(Type.String()),
      bootstrapToken: Type.Optional(Type.String()),
      approvalRuntimeToken: Type.Optional(Type.String()),
      agentRuntimeIdentityToken: Type.Optional(Type.String()),
    }),
  ),
  locale: Type.Optional(Type.String()),
  userAgent: Type.Optional(Type.String()),
});
export type ConnectParams = Static<typeof ConnectParams>;

/** Whether the range that a client speaks holds the version of this protocol. */
export function speaks({ minProtocol, maxProtocol, client, role }: ConnectParams): boolean {
  const relaxed = client.mode === "probe" || (client.mode === "node" && role === "node");
  return minProtocol <= protocolVersion && maxProtocol >= (relaxed ? oldestVersion : protocolVersion);
}

type Claims = Pick<ConnectParams, "client" | "role" | "scopes" | "auth">;

/** Trimmed, and only ASCII letters lowered: what clients sign, and what a device's facts are compared by. */
export const plainFact = (value: string | undefined): string => (value ?? "").trim().replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** The text that a device signs (`protocol` section 1.4). Clients sign `v3`; `v2` is accepted. */
export function deviceClaim(
  version: "v2" | "v3",
  { client, role = "operator", scopes = [], auth }: Claims,
  { id, signedAt, nonce }: { readonly id: string; readonly signedAt: number; readonly nonce: string },
): string {
  const token = auth?.token || auth?.deviceToken || auth?.bootstrapToken || "";
  const facts = [version, id, client.id, client.mode, role, scopes.join(","), signedAt, token, nonce];
  return (version === "v2" ? facts : [...facts, plainFact(client.platform), plainFact(client.deviceFamily)]).join("|");
}
