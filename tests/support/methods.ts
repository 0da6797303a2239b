/** Methods of no room, for tests of the bus. */
import { defineErrors } from "@pincer/plugin-sdk/error";
import { defineMethod, type MethodCall, type MethodHandler, type Scope } from "@pincer/plugin-sdk/method";
import { type TSchema, Type } from "@sinclair/typebox";
import { bindMethod } from "../../kernel/bus/own-method.ts";
import type { MethodBinding } from "../../plugin-host/bindings.ts";

export const shopErrors = defineErrors({
  SHOP_CLOSED: { message: "the shop is closed", wire: "UNAVAILABLE", retryable: true },
});

/** For a call of a contract that nobody takes back. */
export const io = { signal: new AbortController().signal };

interface Extras<P extends TSchema> {
  readonly scope?: Scope;
  readonly params?: P;
  readonly result?: TSchema;
  readonly accepted?: TSchema;
  readonly idempotency?: "kept" | "handled";
}

/** A method that answers with what `run` gives. */
export function method<P extends TSchema>(
  name: string,
  run: (params: Record<string, unknown>, call: MethodCall<unknown>) => unknown,
  extras: Extras<P> = {},
): MethodBinding {
  const definition = defineMethod({
    name,
    summary: "For tests.",
    scope: "operator.read",
    params: Type.Object({}) as TSchema,
    result: Type.Unknown() as TSchema,
    ...extras,
  });
  return bindMethod(definition, run as MethodHandler<typeof definition>);
}
