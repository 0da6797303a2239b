/** Every call that changes who may do what, or the gateway itself, is recorded: who, what, on what, and how it ended. */
import type { AuditEntry } from "@pincer/plugin-sdk/contracts/audit";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import type { ConnectionInfo, WireScope } from "@pincer/plugin-sdk/method";
import type { MethodBinding } from "../../plugin-host/bindings.ts";
import type { BusContext } from "./context.ts";

const privileged: ReadonlySet<unknown> = new Set(["operator.admin", "operator.approvals", "operator.pairing"]);
/** Parameters that name what a call is about. Nothing else of them is recorded: they may hold secrets. */
const naming = [
  ...["key", "sessionKey", "agentId", "deviceId", "requestId", "jobId"],
  ...["id", "name", "plugin", "pluginId", "channel", "accountId"],
];
const longest = 200;

const resourcesOf = (params: unknown): string[] =>
  naming.flatMap((name) => {
    const value = (params as Record<string, unknown>)[name];
    return typeof value === "string" ? `${name}=${value.slice(0, longest)}` : [];
  });

/** Where the scope depends on the parameters, only the call itself can tell. */
export const mayBePrivileged = ({ scope, dynamic }: MethodBinding): boolean => dynamic || privileged.has(scope);

/** What is recorded of a call. */
export interface Recorded {
  readonly binding: MethodBinding;
  readonly given: unknown;
  readonly caller: { readonly info: ConnectionInfo };
  /** The scope that the call needs, where it depends on the parameters, once they have been looked at. */
  exact: WireScope | undefined;
}

export type AuditTrail = ReturnType<typeof createAuditTrail>;

/**
 * Of what a principal is refused within a window, the first entries are recorded, and in one more how many others there were: the log is
 * bounded, and who may do nothing must not be able to wash out of it what others did. What was done is never gathered.
 */
export function createAuditTrail({ clock, settings, audit }: BusContext) {
  const refusals = new Map<string, number>();
  let window: Disposable | undefined;
  const end = () => {
    window?.[Symbol.dispose]();
    window = undefined;
    for (const [principal, count] of refusals) {
      const more = count - settings().refusalsKept;
      if (more > 0) audit({ principal, action: "access.refusals", resources: [`${more} more`], outcome: "refused" });
    }
    refusals.clear();
  };
  const isOneMore = (principal: string): boolean => {
    window ??= clock.after(settings().refusalsMs, end);
    const count = (refusals.get(principal) ?? 0) + 1;
    refusals.set(principal, count);
    return count > settings().refusalsKept;
  };
  const note = ({ binding, given, caller, exact }: Recorded, outcome: AuditEntry["outcome"]) => {
    // A call that is refused before its scope is known might have asked for anything.
    if (exact !== undefined && !privileged.has(exact)) return;
    const { principal } = caller.info;
    if (outcome === "refused" && isOneMore(principal)) return;
    audit({ principal, action: binding.name, resources: resourcesOf(given), outcome });
  };

  return {
    async recorded<A extends Recorded>(asked: A, answer: (asked: A) => unknown): Promise<unknown> {
      try {
        const result = await answer(asked);
        note(asked, "ok");
        return result;
      } catch (error) {
        note(asked, isGatewayError(error) && error.wire !== "UNAVAILABLE" ? "refused" : "failed");
        throw error;
      }
    },
    [Symbol.dispose]: end,
  };
}
