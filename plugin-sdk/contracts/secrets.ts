/** Secrets at rest: names go out, values only come in. */
import { Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";

/** As the names of environment variables. */
export const SecretName = Type.String({ pattern: "^[A-Z][A-Z0-9_]{0,127}$" });
const plugin = Type.String({ minLength: 1 });
const At = Type.Integer({ minimum: 0 });
const none = Type.Object({});

export const SecretEntry = Type.Object({ name: SecretName, createdAtMs: At, updatedAtMs: At, updatedBy: Type.String() });
export const SecretGrant = Type.Object({ name: SecretName, plugin, grantedAtMs: At });

export const secrets = defineContract({
  id: "secrets",
  version: 1,
  arity: "one",
  scope: "operator.admin",
  members: {
    list: call(none, Type.Object({ entries: Type.Array(SecretEntry) }), { safe: true }),
    set: call(Type.Object({ name: SecretName, value: Type.String({ maxLength: 65_536 }), by: Type.String() }), none, { safe: true }),
    /** Its grants go with it. Throws `SECRETS_UNKNOWN`. */
    delete: call(Type.Object({ name: SecretName }), none),
    /** Encrypts everything anew under a new key and forgets the old one. What cannot be read is left and named. */
    rotate: call(none, Type.Object({ rotated: At, unreadable: Type.Array(SecretName) })),
    /** Lets a plugin have a secret, or no longer. */
    grant: call(Type.Object({ name: SecretName, plugin, granted: Type.Boolean() }), none, { safe: true }),
    grants: call(none, Type.Object({ grants: Type.Array(SecretGrant) }), { safe: true }),
  },
});
