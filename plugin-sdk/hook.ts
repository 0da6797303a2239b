/**
 * How a hook runs is in its type, so that nobody can run it another way:
 * `first` stops at the first answer; `series` runs each in turn; `all` runs them in parallel; `transform` folds a value through them;
 * `gate` asks each, and any veto wins. Handlers run in the order of their `order`, then of their plugin's id, each under a deadline.
 * A failing gate vetoes, a failing transform is skipped, `first` moves on; every failure is reported.
 */
import type { Static, TSchema } from "@sinclair/typebox";
import { Type } from "@sinclair/typebox";

export type HookKind = "first" | "series" | "all" | "transform" | "gate";

export interface Hook<K extends HookKind = HookKind, P extends TSchema = TSchema, R extends TSchema = TSchema> {
  readonly id: string;
  readonly kind: K;
  readonly summary: string;
  readonly payload: P;
  readonly result: R;
  /** Handlers stop what runs, which takes its time: their deadline is `gateway.plugins.stopMs`. */
  readonly stops?: true;
}

/** A gate's answer. The reason is shown to whoever was refused. */
export const Verdict = Type.Union([
  Type.Object({ allow: Type.Literal(true) }),
  Type.Object({
    allow: Type.Literal(false),
    reason: Type.String(),
    /** `AREA_REASON`, for callers that tell refusals apart; they find it in the error's `data.refusal`. */
    code: Type.Optional(Type.String()),
    /** After which the same may be allowed. */
    retryAfterMs: Type.Optional(Type.Integer({ minimum: 0 })),
  }),
]);
export type Verdict = Static<typeof Verdict>;

/**
 * What a handler returns, and what running all of them gives. `undefined` from a `first` handler means "not mine"; `series` and `all`
 * return nothing.
 */
export type HookAnswer<H> =
  H extends Hook<infer K, infer P, infer R>
    ? K extends "first"
      ? Static<R> | undefined
      : K extends "transform"
        ? Static<P>
        : K extends "gate"
          ? Verdict
          : undefined
    : never;

export type HookPayload<H> = H extends Hook<HookKind, infer P, TSchema> ? Static<P> : never;
export type HookHandler<H extends Hook> = (
  payload: HookPayload<H>,
  io: { readonly signal: AbortSignal },
) => HookAnswer<H> | Promise<HookAnswer<H>>;

const define =
  <K extends HookKind>(kind: K) =>
  <P extends TSchema>(id: string, summary: string, payload: P): Hook<K, P, TSchema> => ({
    id,
    kind,
    summary,
    payload,
    result: Type.Undefined(),
  });

export const defineHook = {
  first: <P extends TSchema, R extends TSchema>(id: string, summary: string, payload: P, result: R): Hook<"first", P, R> => ({
    id,
    kind: "first",
    summary,
    payload,
    result,
  }),
  series: define("series"),
  all: define("all"),
  transform: define("transform"),
  gate: define("gate"),
};
