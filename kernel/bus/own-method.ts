import type { Method, MethodHandler } from "@pincer/plugin-sdk/method";
import type { MethodBinding, ResolvedMethod } from "../../plugin-host/bindings.ts";

/** Binds a method of the kernel's own. */
export function bindMethod<M extends Method>(method: M, handler: MethodHandler<M>): MethodBinding {
  const resolved: ResolvedMethod = { method, invoke: (params, call) => handler(params as never, call as never) };
  const { name, scope, idempotency } = method;
  const dynamic = typeof scope === "object";
  return { name, owner: "kernel", scope: dynamic ? scope.least : scope, dynamic, idempotency, resolve: () => resolved };
}
