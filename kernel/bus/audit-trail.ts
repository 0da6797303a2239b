/** Every call that changes who may do what, or the gateway itself, is recorded: who, what, on what, and how it ended. */
import { isGatewayError } from "@pincer/plugin-sdk/error";
import type { WireScope } from "@pincer/plugin-sdk/method";
import type { MethodSource } from "./bindings.ts";
import type { Dispatch, DispatchTelling } from "./dispatch.ts";

export interface AuditRecord {
  readonly principal: string;
  readonly action: string;
  readonly resources: string[];
  readonly outcome: "ok" | "refused" | "failed";
}

const PRIVILEGED: ReadonlySet<unknown> = new Set(["operator.admin", "operator.approvals", "operator.pairing"]);
/** Parameters that name what a call is about. Nothing else of them is recorded: they may hold secrets. */
const NAMING = [
  "key",
  "sessionKey",
  "agentId",
  "deviceId",
  "requestId",
  "jobId",
  "id",
  "name",
  "plugin",
  "pluginId",
  "channel",
  "accountId",
];
const LONGEST = 200;

const resourcesOf = (params: unknown): string[] =>
  typeof params === "object" && params !== null
    ? NAMING.flatMap((name) => {
        const value = (params as Record<string, unknown>)[name];
        return typeof value === "string" ? `${name}=${value.slice(0, LONGEST)}` : [];
      })
    : [];

export function withAuditTrail(dispatch: DispatchTelling, methods: MethodSource, record: (entry: AuditRecord) => void): Dispatch {
  const dispatchRecorded: Dispatch = async (name, params, caller, accept) => {
    // Where the scope depends on the parameters, a call that is refused before these are known might have asked for anything.
    let isPrivileged = true;
    const note = (outcome: AuditRecord["outcome"]) => {
      if (isPrivileged) record({ principal: caller.info.principal, action: name, resources: resourcesOf(params), outcome });
    };
    const onScope = (scope: WireScope) => {
      isPrivileged = PRIVILEGED.has(scope);
    };
    try {
      const result = await dispatch(name, params, caller, accept, onScope);
      note("ok");
      return result;
    } catch (error) {
      note(isGatewayError(error) && error.wire !== "UNAVAILABLE" ? "refused" : "failed");
      throw error;
    }
  };
  return (name, params, caller, accept) => {
    const binding = methods.find(name);
    return binding && (binding.dynamic || PRIVILEGED.has(binding.scope))
      ? dispatchRecorded(name, params, caller, accept)
      : dispatch(name, params, caller, accept);
  };
}
