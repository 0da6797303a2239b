/** What the bus dispatches to. Plugins are found through a source, so that a swap is one step. */
import type { GatewayEvent } from "@pincer/plugin-sdk/event";
import type { Method, MethodCall, WireScope } from "@pincer/plugin-sdk/method";

export interface MethodBinding {
  readonly name: string;
  /** `kernel`, or the plugin's id. */
  readonly owner: string;
  /** Known from the manifest, so that role and least scope are checked before any code is loaded. */
  readonly scope: WireScope | "node" | "any";
  /** The parameters may ask for more than `scope`. */
  readonly dynamic: boolean;
  readonly idempotency: "kept" | "handled" | undefined;
  /** Activates the owner when needed. The method's schemas are those of its newest generation. */
  resolve(): ResolvedMethod | Promise<ResolvedMethod>;
}

export interface ResolvedMethod {
  readonly method: Method;
  /** The answer, or a promise of it; counts on the generation that it entered, until it has answered. May throw. */
  invoke(params: unknown, call: MethodCall): unknown;
}

export interface MethodSource {
  find(name: string): MethodBinding | undefined;
  names(): Iterable<string>;
}

export interface RouteBinding {
  readonly prefix: string;
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
