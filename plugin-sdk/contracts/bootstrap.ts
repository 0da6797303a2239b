/** What lets a new device in: where the gateway is, who it is, and a token that pairs one device, once. Those who call must be admins. */
import { Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { Caller } from "./devices.ts";

const Text = Type.String({ minLength: 1 });

export const bootstrap = defineContract({
  id: "bootstrap",
  version: 1,
  arity: "one",
  scope: "operator.admin",
  members: {
    gateway: call(
      Type.Object({}),
      Type.Object({
        ...{ deviceId: Text, publicKey: Text, authMode: Text },
        /** Where it listens, as `http://host:port`. */
        url: Text,
        /** Where devices reach it from elsewhere, if that was configured. */
        publicUrl: Type.Optional(Text),
      }),
      { safe: true },
    ),
    /** Throws `MISSING_SCOPE`. */
    issue: call(
      Type.Object({ role: Type.Union([Type.Literal("operator"), Type.Literal("node")]), scopes: Type.Array(Text), caller: Caller }),
      Type.Object({ token: Text, expiresAtMs: Type.Integer({ minimum: 0 }) }),
    ),
  },
});
