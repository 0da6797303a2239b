/** A gateway method is a value: its handler's types, the checks, help text, documents and the manifest's list all come from it. */
import type { Static, TSchema } from "@sinclair/typebox";

/** The closed list of the wire's scopes (`protocol` section 3). */
export const wireScopes = [
  "operator.read",
  "operator.write",
  "operator.admin",
  "operator.approvals",
  "operator.questions",
  "operator.pairing",
  "operator.talk",
  "operator.talk.secrets",
  "operator.sessions.read",
  "operator.sessions.write",
] as const;
export type WireScope = (typeof wireScopes)[number];

/**
 * `"any"` is open to every authenticated connection; `"node"` to the node role alone. `least` is checked before the parameters are looked
 * at, and what `of` says once they have been checked.
 */
export type Scope = WireScope | "node" | "any" | { readonly least: WireScope; of(params: unknown): WireScope | Promise<WireScope> };

export type Role = "operator" | "node";

export interface Method<P extends TSchema = TSchema, R extends TSchema = TSchema, A extends TSchema = TSchema> {
  readonly name: string;
  readonly summary: string;
  readonly scope: Scope;
  readonly params: P;
  readonly result: R;
  /** Present on a method that answers twice: first this with `status: "accepted"`, later the result. */
  readonly accepted?: A;
  /**
   * `"kept"`: the bus keeps the answer for a principal and `params.idempotencyKey`, for 7 days, and answers a repetition from it.
   * `"handled"`: the handler admits durable work under the key and answers repetitions itself. Absent: no key is looked at.
   */
  readonly idempotency?: "kept" | "handled";
}

/** Who calls, and how. Handlers never see credentials. */
export interface MethodCall<A = unknown> {
  readonly connection: ConnectionInfo;
  readonly role: Role;
  readonly scopes: readonly WireScope[];
  /** Aborts when the connection closes. */
  readonly signal: AbortSignal;
  /** Sends the first of two answers. Throws on a method that did not declare `accepted`. */
  accepted(payload: A): void;
}

export interface ConnectionInfo {
  readonly id: string;
  /** Who is behind the connection, for idempotency, limits and audit: a device id, `shared` for the shared secret, or `plugin:<id>`. */
  readonly principal: string;
  readonly clientId: string;
  readonly clientMode: string;
  readonly clientVersion: string;
  readonly displayName: string | undefined;
  readonly deviceId: string | undefined;
  readonly remoteAddress: string;
  /** Capability flags of the client (`protocol` section 1.8), such as `tool-events`. */
  readonly caps: ReadonlySet<string>;
}

export type ParamsOf<M> = M extends Method<infer P, TSchema, TSchema> ? Static<P> : never;
export type ResultOf<M> = M extends Method<TSchema, infer R, TSchema> ? Static<R> : never;
export type AcceptedOf<M> = M extends Method<TSchema, TSchema, infer A> ? Static<A> : never;

export type MethodHandler<M extends Method> = (params: ParamsOf<M>, call: MethodCall<AcceptedOf<M>>) => ResultOf<M> | Promise<ResultOf<M>>;

export const defineMethod = <P extends TSchema, R extends TSchema, A extends TSchema = TSchema>(
  definition: Method<P, R, A>,
): Method<P, R, A> => definition;
