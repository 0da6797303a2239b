/** `secrets.*` on the wire. */
import { SecretName as name, SecretEntry, SecretGrant } from "@pincer/plugin-sdk/contracts/secrets";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { type TProperties, Type } from "@sinclair/typebox";

const method = <P extends TProperties, R extends TProperties>(named: string, summary: string, params: P, result: R) =>
  defineMethod({
    name: named,
    summary,
    scope: "operator.admin",
    params: Type.Object(params, { additionalProperties: false }),
    result: Type.Object(result),
  });

const kind = Type.Literal("secret");
const ok = Type.Literal(true);
const changed = { ok, reloaded: Type.Boolean() };
const Entry = Type.Object({ ...SecretEntry.properties, kind, scopeKind: Type.Literal("team"), scopeId: Type.Literal("") });

export const list = method("secrets.store.list", "The names of the secrets, never their values.", {}, { entries: Type.Array(Entry) });
export const set = method(
  "secrets.store.set",
  "Keep a secret, encrypted.",
  { name, value: Type.String({ maxLength: 65_536 }), kind },
  changed,
);
export const remove = method("secrets.store.delete", "Forget a secret and who was granted it.", { name }, changed);
export const rotate = method(
  "secrets.rotate",
  "Encrypt every secret under a new key and forget the old one.",
  {},
  { ok, rotated: Type.Integer({ minimum: 0 }), unreadable: Type.Array(name) },
);
export const grant = method(
  "secrets.grant",
  "Let a plugin have a secret, or with `granted: false` no longer.",
  { name, plugin: Type.String({ minLength: 1 }), granted: Type.Optional(Type.Boolean()) },
  { ok },
);
export const grants = method("secrets.grants", "Which plugin was granted which secret.", {}, { grants: Type.Array(SecretGrant) });
