/** From a method's name to its answer. The order of checks: method, role, least scope, params, exact scope, idempotency, handler. */
import { checker, compiledCheck, describeMismatch, type Mismatch, mismatchOf } from "@pincer/plugin-sdk/check";
import type { ConnectionInfo, Method, MethodCall, Role, WireScope } from "@pincer/plugin-sdk/method";
import { busErrors } from "@pincer/plugin-sdk/wire/errors";
import { allows } from "@pincer/plugin-sdk/wire/scopes";
import type { MethodBinding, MethodSource } from "./bindings.ts";
import type { BusContext } from "./context.ts";
import type { Kept } from "./idempotency.ts";
import { createRateLimit } from "./rate-limit.ts";

/** Somebody who calls methods: a connection, a plugin, an HTTP request. */
export interface Caller {
  readonly info: ConnectionInfo;
  readonly role: Role;
  readonly scopes: readonly WireScope[];
  /** Looked at only when the handler does. */
  readonly signal: AbortSignal;
}

/** Takes the first of two answers. */
export type Accept = (payload: unknown) => void;

/** Rejects with a `GatewayError`, or with whatever the handler threw. */
export type Dispatch = (name: string, params: unknown, caller: Caller, accept?: Accept) => Promise<unknown>;

/** How much of a caller's text an error repeats. */
const longestEcho = 128;

class Call implements MethodCall {
  constructor(
    private readonly caller: Caller,
    private readonly method: Method,
    private readonly accept: Accept | undefined,
  ) {}
  get connection() {
    return this.caller.info;
  }
  get role() {
    return this.caller.role;
  }
  get scopes() {
    return this.caller.scopes;
  }
  get signal() {
    return this.caller.signal;
  }
  /** A getter, like the others, so that a handler may take the call apart. */
  get accepted() {
    const { method, accept } = this;
    return (payload: unknown): void => {
      if (!method.accepted) throw busErrors.BUS_ACCEPTED_UNDECLARED(`${method.name} answered twice, which its definition does not declare`);
      accept?.(payload);
    };
  }
}

/** Also tells of the scope that a call needs, where it depends on the parameters, before that is checked. */
export type DispatchTelling = (
  name: string,
  params: unknown,
  caller: Caller,
  accept?: Accept,
  onScope?: (scope: WireScope) => void,
) => Promise<unknown>;

export function createDispatch({ clock, settings }: BusContext, methods: MethodSource, kept: Kept): DispatchTelling {
  const rate = createRateLimit(clock, () => settings().controlPlane);

  return async (name, params, caller, accept, onScope) => {
    const binding = methods.find(name);
    if (!binding) throw busErrors.BUS_METHOD_UNKNOWN(`unknown method: ${name.slice(0, longestEcho)}`);
    requireRole(binding.scope, caller.role);
    requireScope(binding.scope, caller.scopes);

    const { method, invoke } = await binding.resolve();
    const given = params ?? {};
    const check = compiledCheck(method.params) ?? (await checker(method.params));
    if (!check.Check(given)) throw paramsInvalid(name, mismatchOf(check, given));
    if (typeof method.scope === "object") {
      const exact = await method.scope.of(given);
      onScope?.(exact);
      requireScope(exact, caller.scopes);
    }
    const { controlPlane, checkResults } = settings();
    if (controlPlane.methods.includes(name)) rate.take(caller.info.principal, name);

    const call = new Call(caller, method, accept);
    const key = binding.idempotency === "kept" ? (given as { idempotencyKey?: unknown }).idempotencyKey : undefined;
    if (typeof key !== "string" && !checkResults) return await invoke(given, call);
    const run = async () => (checkResults ? requireResult(method, await invoke(given, call)) : invoke(given, call));
    return await (typeof key === "string" ? kept(caller.info.principal, name, key, run) : run());
  };
}

function requireRole(scope: MethodBinding["scope"], role: Role): void {
  if (scope === "any" || (scope === "node") === (role === "node")) return;
  throw busErrors.BUS_ROLE_UNAUTHORIZED(`unauthorized role: ${role}`);
}

function requireScope(needed: MethodBinding["scope"], scopes: readonly WireScope[]): void {
  if (needed === "node" || needed === "any" || allows(scopes, needed)) return;
  throw busErrors.MISSING_SCOPE(`missing scope: ${needed}`, { data: { missingScope: needed, requiredScopes: [needed] } });
}

const paramsInvalid = (name: string, mismatch: Mismatch) =>
  busErrors.BUS_PARAMS_INVALID(`invalid ${name} params: ${describeMismatch(mismatch)}`, { data: { ...mismatch } });

async function requireResult({ name, result }: Method, given: unknown): Promise<unknown> {
  const check = await checker(result);
  if (check.Check(given)) return given;
  throw busErrors.BUS_RESULT_INVALID(`${name} answered wrongly ${describeMismatch(mismatchOf(check, given))}`);
}

/** The kernel's methods first, then plugins', then the lists that are empty until a plugin owns their name. */
export function joinMethods(
  kernel: ReadonlyMap<string, MethodBinding>,
  plugins: MethodSource,
  empty: ReadonlyMap<string, MethodBinding>,
): MethodSource {
  return {
    find: (name) => kernel.get(name) ?? plugins.find(name) ?? empty.get(name),
    names: () => new Set([...kernel.keys(), ...plugins.names(), ...empty.keys()]),
  };
}
