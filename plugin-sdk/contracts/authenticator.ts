/**
 * Who a device is, and what it may do here. The kernel keeps the door: the shared secret, origins, roles, and who guesses too often. Whoever
 * comes with a device it hands to the provider of this, which needs no memory of what it answered: the kernel brings it along.
 *
 * It decides who comes in, so a plugin that provides or uses it must name the scope. Between an answer and the connection that stands on it
 * there is time: a provider that takes something away from a device does that first, and has its connections closed behind it
 * (`gateway.disconnect`), those that are still arriving among them.
 */
import { Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { wireScopes } from "../method.ts";
import { ConnectParams, SignedDevice } from "../wire/connect.ts";

const { client, role, scopes, auth } = ConnectParams.properties;
const Text = Type.String({ minLength: 1 });

/** As the protocol has them (section 1.4), so that nobody is taken for `shared` or for a plugin. */
export const DeviceId = Type.String({ pattern: "^[0-9a-f]{64}$" });
export const DeviceIdentity = Type.Object({ deviceId: DeviceId, publicKey: Text });
export const RoleName = Type.Union([Type.Literal("operator"), Type.Literal("node")]);
export const Scopes = Type.Array(Type.Union(wireScopes.map((scope) => Type.Literal(scope))));

export const authenticator = defineContract({
  id: "authenticator",
  version: 1,
  arity: "one",
  scope: "operator.admin",
  members: {
    /** Checks the device of a `connect` against its own key and the nonce of the challenge. Throws `DEVICE_AUTH_*`. */
    identify: call(
      Type.Object({ client, role, scopes, auth, device: SignedDevice, nonce: Type.String() }),
      /** The raw key, base64url without padding. */
      DeviceIdentity,
      { safe: true },
    ),

    /**
     * Lets a device in that was identified. `null`: nothing that it shows is right, which counts as a guess. Throws `PAIRING_REQUIRED` or
     * `AUTH_SCOPE_MISMATCH`, with what a client needs to go on from there, when what it shows is right and not enough.
     */
    admit: call(
      Type.Object({
        identity: DeviceIdentity,
        client,
        role: RoleName,
        scopes: Scopes,
        remoteIp: Type.String(),
        /** It is on this machine, and nothing stands between. */
        directLoopback: Type.Boolean(),
        /** What it shows instead of the shared secret; absent when that was right, or is not asked for. */
        shown: Type.Optional(Type.Object({ deviceToken: Type.Optional(Type.String()), bootstrapToken: Type.Optional(Type.String()) })),
      }),
      Type.Union([
        Type.Object({
          /** Which of what it showed was right; absent when it needed to show nothing. */
          method: Type.Optional(Type.Union([Type.Literal("device-token"), Type.Literal("bootstrap-token")])),
          /** All that it may do in this role; of these the connection gets what was asked for. */
          scopes: Scopes,
          deviceToken: Text,
          issuedAtMs: Type.Integer({ minimum: 0 }),
        }),
        Type.Null(),
      ]),
    ),

    /** Whose the token of an HTTP request is; `null`: nobody's. */
    bearer: call(Type.Object({ token: Type.String() }), Type.Union([Type.Object({ deviceId: DeviceId, scopes: Scopes }), Type.Null()]), {
      safe: true,
    }),
  },
});
