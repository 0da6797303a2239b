/** Secrets on the wire: names go out, values only come in. `secrets.store.*` are the wire's names. */
import { defineMethod } from "@pincer/plugin-sdk/method";
import { type TProperties, Type } from "@sinclair/typebox";
import { bindMethod, type MethodBinding } from "../bus/bindings.ts";
import { type Secrets, secretErrors } from "./secrets.ts";

const method = <P extends TProperties, R extends TProperties>(name: string, summary: string, params: P, result: R) =>
  defineMethod({
    name,
    summary,
    scope: "operator.admin",
    params: Type.Object(params, { additionalProperties: false }),
    result: Type.Object(result),
  });

const name = Type.String({ pattern: "^[A-Z][A-Z0-9_]{0,127}$" });
const plugin = Type.String({ minLength: 1 });
const At = Type.Integer({ minimum: 0 });
const ok = Type.Literal(true);
const Entry = Type.Object({
  ...{ name, kind: Type.Literal("secret"), scopeKind: Type.Literal("team"), scopeId: Type.Literal("") },
  ...{ createdAtMs: At, updatedAtMs: At, updatedBy: Type.String() },
});
const changed = { ok, reloaded: Type.Boolean() };
const Value = Type.String({ maxLength: 65_536 });

const list = method("secrets.store.list", "The names of the secrets, never their values.", {}, { entries: Type.Array(Entry) });
const set = method("secrets.store.set", "Keep a secret, encrypted.", { name, value: Value, kind: Type.Literal("secret") }, changed);
const remove = method("secrets.store.delete", "Forget a secret and who was granted it.", { name }, changed);
const rotate = method(
  "secrets.rotate",
  "Encrypt every secret under a new key and forget the old one.",
  {},
  {
    ...{ ok, rotated: At, unreadable: Type.Array(name) },
  },
);
const grant = method(
  "secrets.grant",
  "Let a plugin have a secret, or with `granted: false` no longer.",
  { name, plugin, granted: Type.Optional(Type.Boolean()) },
  { ok },
);
const grants = method(
  "secrets.grants",
  "Which plugin was granted which secret.",
  {},
  {
    grants: Type.Array(Type.Object({ name, plugin, grantedAtMs: At })),
  },
);

/** Plugins get a secret's new value at their next request; a snapshot of the configuration is not taken anew. */
const answer = { ok: true, reloaded: false } as const;
const inStore = { kind: "secret", scopeKind: "team", scopeId: "" } as const;

export const secretMethods = (secrets: Secrets): MethodBinding[] => [
  bindMethod(list, async () => ({ entries: (await secrets.list()).map((entry) => ({ ...entry, ...inStore })) })),
  bindMethod(set, async (params, { connection }) => {
    await secrets.set(params.name, params.value, connection.principal);
    return answer;
  }),
  bindMethod(remove, async (params) => {
    if (await secrets.delete(params.name)) return answer;
    throw secretErrors.SECRETS_UNKNOWN(`no secret ${params.name}; secrets.store.list names those that are kept`);
  }),
  bindMethod(rotate, async () => ({ ok: true as const, ...(await secrets.rotate()) })),
  bindMethod(grant, async ({ granted = true, ...params }) => {
    await secrets.grant(params.name, params.plugin, granted);
    return { ok: true as const };
  }),
  bindMethod(grants, async () => ({ grants: await secrets.grants() })),
];
