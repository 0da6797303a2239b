/**
 * A contract is data: the type of an implementation, its proxy and its checks all come from this one value, so that the same
 * implementation runs in the kernel's process or in one of its own. Values are JSON, with `Bytes` beside it; progress is a stream's
 * items; a callback is a call the other way.
 */
import { Kind, type Static, type TObject, type TSchema, Type, TypeRegistry } from "@sinclair/typebox";
import type { WireScope } from "./method.ts";

export interface Call<P extends TSchema = TSchema, R extends TSchema = TSchema> {
  readonly kind: "call";
  readonly params: P;
  readonly result: R;
  /** Repeating the call is harmless, so that a caller may retry it when the provider goes away. */
  readonly safe?: boolean;
  readonly optional?: boolean;
  /** Where the parameters say in whose name the call is made: the caller must provide that contract under that name itself. */
  readonly speaksAs?: { readonly contract: string; readonly at: readonly string[] };
}

export interface Stream<P extends TSchema = TSchema, I extends TSchema = TSchema, R extends TSchema = TSchema> {
  readonly kind: "stream";
  readonly params: P;
  readonly item: I;
  readonly result: R;
  /**
   * Present on a stream that only one may hold at a time, such as a bot's connection: what an item says once it is held. When its provider is
   * replaced the stream is ended and awaited, its reader is told `PLUGIN_REPLACED`, and starts it again, at once, on the new generation;
   * when that does not come to hold it, the same leads back to the old one.
   */
  readonly held?: Readonly<Record<string, unknown>>;
  /** Beginning it once more is harmless as long as nothing of it has come, so that a caller may when the provider goes away. */
  readonly safe?: boolean;
  readonly optional?: boolean;
}

export type Members = Readonly<Record<string, Call | Stream>>;
export type Arity = "one" | "many";

export interface Contract<M extends Members = Members, R extends TSchema = TSchema, A extends Arity = Arity> {
  /** Contracts match by id and major version, never by object identity. */
  readonly id: string;
  readonly version: number;
  readonly arity: A;
  /** Present on a contract that gives power over the gateway: `permissions.scopes` of a plugin that uses it must name this scope. */
  readonly scope?: WireScope;
  /** What a provider declares under its name in the manifest, readable without running it. */
  readonly record: R;
  readonly members: M;
}

/** The one trailing argument of every member. Abort asks; the answer is still awaited. */
export interface Io {
  readonly signal: AbortSignal;
}

type MemberFunction<M> =
  M extends Call<infer P, infer R>
    ? (params: Static<P>, io: Io) => Promise<Static<R>>
    : M extends Stream<infer P, infer I, infer R>
      ? (params: Static<P>, io: Io) => AsyncGenerator<Static<I>, Static<R>, void>
      : never;

type OptionalKeys<M> = { [K in keyof M]: M[K] extends { optional: true } ? K : never }[keyof M];

/** What an implementation of a contract looks like. An optional half is absent, not a stub. */
export type ImplementationOf<C> =
  C extends Contract<infer M, TSchema, Arity>
    ? { readonly [K in Exclude<keyof M, OptionalKeys<M>>]: MemberFunction<M[K]> } & {
        readonly [K in OptionalKeys<M>]?: MemberFunction<M[K]>;
      }
    : never;

export type RecordOf<C> = C extends Contract<Members, infer R, Arity> ? Static<R> : never;

/** What a user of a `many` contract holds. Lists come from manifests: nothing is activated until a member is called. */
export interface Providers<C extends Contract> {
  list(): readonly { readonly name: string; readonly plugin: string; readonly record: RecordOf<C> }[];
  /** Stable for ever, resolved at each call to the newest generation. Throws `CAPABILITY_MISSING` when the name is unknown. */
  get(name: string): ImplementationOf<C>;
}

/** What a plugin holds for a contract that it uses: the implementation itself for `one`, the table of providers for `many`. */
export type HandleOf<C> = C extends Contract<Members, TSchema, infer A> ? (A extends "one" ? ImplementationOf<C> : Providers<C>) : never;

/** A use that may be absent: `ctx.uses.<name>` is `undefined` while no plugin provides it. */
export interface OptionalUse<C extends Contract> {
  readonly optional: C;
}
export type Uses = Readonly<Record<string, Contract | OptionalUse<Contract>>>;
export type HandlesOf<U> = {
  readonly [K in keyof U]: U[K] extends OptionalUse<infer C> ? HandleOf<C> | undefined : HandleOf<U[K]>;
};

export const ifPresent = <C extends Contract>(contract: C): OptionalUse<C> => ({ optional: contract });

export const call = <P extends TSchema, R extends TSchema>(
  params: P,
  result: R,
  options: Pick<Call, "safe" | "speaksAs"> = {},
): Call<P, R> => ({
  kind: "call",
  params,
  result,
  ...options,
});

export const stream = <P extends TSchema, I extends TSchema, R extends TSchema>(
  params: P,
  item: I,
  result: R,
  options: Pick<Stream, "held" | "safe"> = {},
): Stream<P, I, R> => ({
  kind: "stream",
  params,
  item,
  result,
  ...options,
});

export const optional = <M extends Call | Stream>(member: M) => ({ ...member, optional: true as const });

export function defineContract<const M extends Members, R extends TSchema = TObject, const A extends Arity = "one">(definition: {
  readonly id: string;
  readonly version: number;
  readonly arity: A;
  readonly scope?: WireScope;
  readonly record?: R;
  readonly members: M;
}): Contract<M, R, A> {
  return { ...definition, record: definition.record ?? (Type.Object({}) as unknown as R) };
}

if (!TypeRegistry.Has("Bytes")) TypeRegistry.Set("Bytes", (_schema, value) => value instanceof Uint8Array);

/** Binary data. It travels beside the JSON of a frame, never inside it. */
export const Bytes = () => Type.Unsafe<Uint8Array>({ [Kind]: "Bytes", type: "bytes" });
