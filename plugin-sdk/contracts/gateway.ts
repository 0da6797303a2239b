/** Where the gateway is, who is connected to it, and the power to end the connections of a device. */
import { Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { RoleName, Scopes } from "./authenticator.ts";

const Text = Type.String({ minLength: 1 });
const none = Type.Object({});

export const gateway = defineContract({
  id: "gateway",
  version: 1,
  arity: "one",
  scope: "operator.admin",
  members: {
    about: call(
      none,
      Type.Object({
        /** Where it listens, as `http://host:port`. */
        url: Text,
        /** Where it is reached from elsewhere, if that was configured. */
        publicUrl: Type.Optional(Text),
        authMode: Text,
      }),
      { safe: true },
    ),
    /** Those that are open. */
    connections: call(
      none,
      Type.Object({
        connections: Type.Array(Type.Object({ id: Text, deviceId: Type.Optional(Text), role: RoleName, scopes: Scopes })),
      }),
      { safe: true },
    ),
    /**
     * Closes the connections of a device with 4001 and the reason, and turns away those that arrive and say to be that device: what they
     * were judged by may have changed since. They may come again.
     */
    disconnect: call(
      Type.Object({
        deviceId: Text,
        /** Absent: in every role. */
        role: Type.Optional(RoleName),
        /** The id of a connection that stays. */
        except: Type.Optional(Text),
        reason: Text,
      }),
      none,
      { safe: true },
    ),
  },
});
