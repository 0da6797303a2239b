/** What the bus dispatches to. Rooms of the kernel bind methods directly; plugins are found through a source, so that a swap is one step. */
import type { EmitOptions, GatewayEvent, PayloadOf } from "@pincer/plugin-sdk/event";
import type { Method, MethodCall, MethodHandler, Scope } from "@pincer/plugin-sdk/method";

export interface MethodBinding {
  readonly name: string;
  /** `kernel`, or the plugin's id. */
  readonly owner: string;
  /** Known from the manifest, so that role and least scope are checked before any code is loaded. */
  readonly scope: Scope;
  readonly idempotency: "kept" | "handled" | undefined;
  /** Activates the owner when needed. The method's schemas are those of its newest generation. */
  resolve(): Promise<ResolvedMethod>;
}

export interface ResolvedMethod {
  readonly method: Method;
  /** Counts on the generation that it entered, until it has answered. */
  invoke(params: unknown, call: MethodCall): Promise<unknown>;
}

export interface MethodSource {
  find(name: string): MethodBinding | undefined;
  names(): Iterable<string>;
}

export interface RouteBinding {
  readonly prefix: string;
  readonly owner: string;
  readonly access: "token" | "open";
  handle(request: Request): Promise<Response>;
}

export interface RouteSource {
  /** The binding with the longest prefix that matches the path at a `/` border. */
  match(path: string): RouteBinding | undefined;
}

export interface EventSource {
  find(name: string): Pick<GatewayEvent, "name" | "scope" | "dropIfSlow"> | undefined;
  names(): Iterable<string>;
}

export type Emit = <E extends GatewayEvent>(event: E, payload: PayloadOf<E>, options?: EmitOptions) => void;

/** Binds a method of the kernel's own. */
export function bindMethod<M extends Method>(method: M, handler: MethodHandler<M>): MethodBinding {
  const resolved: Promise<ResolvedMethod> = Promise.resolve({
    method,
    invoke: async (params, call) => handler(params as never, call as never),
  });
  return { name: method.name, owner: "kernel", scope: method.scope, idempotency: method.idempotency, resolve: () => resolved };
}
