/** Every call that changes who may do what, or the gateway itself, is recorded: who, what, on what, and how it ended. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { AuditEntry } from "@pincer/plugin-sdk/contracts/audit";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import type { WireScope } from "@pincer/plugin-sdk/method";
import type { MethodBinding } from "../../plugin-host/bindings.ts";
import type { BusSettings } from "./settings.ts";

const privileged: ReadonlySet<unknown> = new Set(["operator.admin", "operator.approvals", "operator.pairing"]);
/** Parameters that name what a call is about. Nothing else of them is recorded: they may hold secrets. */
const naming = [
  ...["key", "sessionKey", "agentId", "deviceId", "requestId", "jobId"],
  ...["id", "name", "plugin", "pluginId", "channel", "accountId"],
];
const longest = 200;

const resourcesOf = (params: unknown): string[] =>
  naming.flatMap((name) => {
    const value = (params as Record<string, unknown> | null | undefined)?.[name];
    return typeof value === "string" ? `${name}=${value.slice(0, longest)}` : [];
  });

/** Where the scope depends on the parameters, only the call itself can tell. */
export const mayBePrivileged = ({ scope, dynamic }: MethodBinding): boolean => dynamic || privileged.has(scope);

/**
 * Of what a principal is refused within a window, the first entries are recorded, and in one more how many others there were: the log is
 * bounded, and who may do nothing must not be able to wash out of it what others did. What was done is never gathered.
 */
export function gatherRefusals(clock: Clock, settings: () => BusSettings, record: (entry: AuditEntry) => void) {
  const counts = new Map<string, number>();
  let window: Disposable | undefined;
  const end = () => {
    window?.[Symbol.dispose]();
    window = undefined;
    for (const [principal, count] of counts) {
      const more = count - settings().refusalsKept;
      if (more > 0) record({ principal, action: "access.refusals", resources: [`${more} more`], outcome: "refused" });
    }
    counts.clear();
  };
  const isOneMore = ({ principal }: AuditEntry): boolean => {
    window ??= clock.after(settings().refusalsMs, end);
    const count = (counts.get(principal) ?? 0) + 1;
    counts.set(principal, count);
    return count > settings().refusalsKept;
  };
  return {
    record: (entry: AuditEntry) => (entry.outcome === "refused" && isOneMore(entry) ? undefined : record(entry)),
    [Symbol.dispose]: end,
  };
}

/** `run` tells of the scope that the call needs, where it depends on the parameters, before that is checked. */
export async function recorded(
  record: (entry: AuditEntry) => void,
  { principal, action, params }: { readonly principal: string; readonly action: string; readonly params: unknown },
  run: (onScope: (scope: WireScope) => void) => unknown,
): Promise<unknown> {
  // A call that is refused before its scope is known might have asked for anything.
  let isPrivileged = true;
  const note = (outcome: AuditEntry["outcome"]) => {
    if (isPrivileged) record({ principal, action, resources: resourcesOf(params), outcome });
  };
  try {
    const result = await run((scope) => {
      isPrivileged = privileged.has(scope);
    });
    note("ok");
    return result;
  } catch (error) {
    note(isGatewayError(error) && error.wire !== "UNAVAILABLE" ? "refused" : "failed");
    throw error;
  }
}
