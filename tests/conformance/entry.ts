/** What the map says of one method or event, and how an entry is written. */
import type { WireScope } from "@pincer/plugin-sdk/method";
import type { TSchema } from "@sinclair/typebox";

export interface MethodEntry {
  /** `node`: those of the role node alone. */
  readonly scope: WireScope | "any" | "node";
  /** The scope that these parameters ask for, where it is more than `scope`. */
  readonly scopeOf?: (params: Readonly<Record<string, unknown>>) => WireScope;
  readonly params: TSchema;
  readonly result: TSchema;
  /** Of the first of two answers. */
  readonly accepted?: TSchema;
  /** Properties of features that are not here: refused in so many words, since taking them silently would promise what is not done. */
  readonly refuses?: readonly string[];
}

export const method = (scope: MethodEntry["scope"], takes: TSchema, result: TSchema, more: Partial<MethodEntry> = {}): MethodEntry => ({
  scope,
  params: takes,
  result,
  ...more,
});
export const read = (takes: TSchema, result: TSchema, more?: Partial<MethodEntry>) => method("operator.read", takes, result, more);
export const write = (takes: TSchema, result: TSchema, more?: Partial<MethodEntry>) => method("operator.write", takes, result, more);
export const admin = (takes: TSchema, result: TSchema, more?: Partial<MethodEntry>) => method("operator.admin", takes, result, more);
export const approvals = (takes: TSchema, result: TSchema) => method("operator.approvals", takes, result);
export const pairing = (takes: TSchema, result: TSchema) => method("operator.pairing", takes, result);

export interface EventEntry {
  /** Who receives it. */
  readonly scope: WireScope | "any";
  readonly payload: TSchema;
  /** Its frame says which state it belongs to. */
  readonly versioned?: boolean;
  /** Sent to one connection, so never counted. */
  readonly unicast?: boolean;
}
