/** From a method's name to its answer. The order of checks: method, role, least scope, params, exact scope, idempotency, handler. */
import { requireValid } from "@pincer/plugin-sdk/check";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ConnectionInfo, Method, MethodCall, Role, WireScope } from "@pincer/plugin-sdk/method";
import { busErrors, paramsInvalid } from "@pincer/plugin-sdk/wire/errors";
import { allows } from "@pincer/plugin-sdk/wire/scopes";
import type { MethodBinding, MethodSource, ResolvedMethod } from "../../plugin-host/bindings.ts";
import { type AuditTrail, mayBePrivileged, type Recorded } from "./audit-trail.ts";
import type { BusContext } from "./context.ts";
import type { Kept } from "./idempotency.ts";

/** Somebody who calls methods: a connection, a plugin, an HTTP request. */
export interface Caller {
  readonly info: ConnectionInfo;
  readonly role: Role;
  readonly scopes: readonly WireScope[];
  readonly signal: AbortSignal;
}

/** Takes the first of two answers. */
type Accept = (payload: unknown) => void;

/** The answer, or a promise of it where something is waited for. Throws or rejects with a `GatewayError`, or with whatever the handler threw. */
export type Dispatch = (name: string, params: unknown, caller: Caller, accept?: Accept) => unknown;

/** A call on its way. */
interface Asked extends Recorded {
  readonly caller: Caller;
  readonly accept: Accept | undefined;
}

/** How much of a caller's text an error repeats. */
const longestEcho = 128;

export function createDispatch({ clock, settings }: BusContext, find: MethodSource["find"], kept: Kept, trail: AuditTrail): Dispatch {
  const limitRate = createRateLimit(clock, () => settings().controlPlane);

  /** The methods whose rate is limited, and the list in force that they stand in. */
  let limited: ReadonlySet<string> = new Set();
  let listed: readonly string[] = [];

  // Each step waits only for what is not there yet: most calls find their method loaded and their answer at once, and a
  // promise for each of them, or a closure for each step, would cost more than all the rest.
  const answer = (asked: Asked): unknown => {
    requireRole(asked.binding.scope, asked.caller.role);
    requireScope(asked.binding.scope, asked.caller.scopes);
    const resolved = asked.binding.resolve();
    return resolved instanceof Promise ? resolved.then((late) => check(asked, late)) : check(asked, resolved);
  };

  const check = (asked: Asked, resolved: ResolvedMethod): unknown => {
    requireValid(resolved.method.params, asked.given, paramsInvalid(asked.binding.name));
    return permit(asked, resolved);
  };

  const permit = (asked: Asked, resolved: ResolvedMethod): unknown => {
    const { scope } = resolved.method;
    if (typeof scope !== "object") return run(asked, resolved);
    const permitted = (exact: WireScope) => {
      asked.exact = exact;
      requireScope(exact, asked.caller.scopes);
      return run(asked, resolved);
    };
    const exact = scope.of(asked.given);
    return exact instanceof Promise ? exact.then(permitted) : permitted(exact);
  };

  const run = ({ binding: { name, idempotency }, given, caller, accept }: Asked, { method, invoke }: ResolvedMethod): unknown => {
    const { controlPlane, checkResults } = settings();
    if (controlPlane.methods !== listed) [listed, limited] = [controlPlane.methods, new Set(controlPlane.methods)];
    if (limited.has(name)) limitRate(caller.info.principal, name);
    const call = callOf(method, caller, accept);
    const invoked = () => (checkResults ? requireResult(method, invoke(given, call)) : invoke(given, call));
    const key = idempotency === "kept" ? (given as { idempotencyKey?: unknown }).idempotencyKey : undefined;
    return typeof key === "string" ? kept([caller.info.principal, name, key], invoked) : invoked();
  };

  return (name, params, caller, accept) => {
    const binding = find(name);
    if (!binding) throw busErrors.BUS_METHOD_UNKNOWN(`unknown method: ${name.slice(0, longestEcho)}`);
    const asked: Asked = { binding, given: params ?? {}, caller, accept, exact: undefined };
    return mayBePrivileged(binding) ? trail.recorded(asked, answer) : answer(asked);
  };
}

const callOf = ({ name, accepted }: Method, { info, role, scopes, signal }: Caller, accept: Accept | undefined): MethodCall => ({
  connection: info,
  role,
  scopes,
  signal,
  accepted(payload) {
    if (!accepted) throw busErrors.BUS_ACCEPTED_UNDECLARED(`${name} answered twice, which its definition does not declare`);
    accept?.(payload);
  },
});

function requireRole(scope: MethodBinding["scope"], role: Role): void {
  if (scope === "any" || (scope === "node") === (role === "node")) return;
  throw busErrors.BUS_ROLE_UNAUTHORIZED(`unauthorized role: ${role}`);
}

function requireScope(needed: MethodBinding["scope"], scopes: readonly WireScope[]): void {
  if (needed === "node" || needed === "any" || allows(scopes, needed)) return;
  throw busErrors.MISSING_SCOPE(`missing scope: ${needed}`, { data: { missingScope: needed, requiredScopes: [needed] } });
}

async function requireResult({ name, result }: Method, answer: unknown): Promise<unknown> {
  const given = await answer;
  requireValid(result, given, (how) => busErrors.BUS_RESULT_INVALID(`${name} answered wrongly ${how}`));
  return given;
}

/** So many calls of a principal within a window, which begins with the first call after the one before. */
function createRateLimit(clock: Clock, settings: () => { readonly calls: number; readonly windowMs: number }) {
  const counts = new Map<string, number>();
  let endsAt = 0;
  return (principal: string, what: string): void => {
    const { calls, windowMs } = settings();
    const now = clock.monotonic();
    if (now >= endsAt) {
      counts.clear();
      endsAt = now + windowMs;
    }
    const count = (counts.get(principal) ?? 0) + 1;
    if (count > calls) {
      const retryAfterMs = endsAt - now;
      const advice = `at most ${calls} such calls in ${windowMs} ms, try again in ${Math.ceil(retryAfterMs)} ms`;
      throw busErrors.BUS_RATE_LIMITED(`${what}: ${advice}`, { retryAfterMs });
    }
    counts.set(principal, count);
  };
}
