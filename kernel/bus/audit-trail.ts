/** Every call that changes who may do what, or the gateway itself, is recorded: who, what, on what, and how it ended. */
import { isGatewayError } from "@pincer/plugin-sdk/error";
import type { Scope } from "@pincer/plugin-sdk/method";
import type { MethodSource } from "./bindings.ts";
import type { Dispatch } from "./dispatch.ts";

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

/** Of a scope that depends on the parameters, which are not checked yet, a mistake of theirs is the dispatcher's to tell. */
function isPrivileged(scope: Scope, params: unknown): boolean {
  if (typeof scope !== "object") return PRIVILEGED.has(scope);
  try {
    return PRIVILEGED.has(scope.of(params ?? {}));
  } catch {
    return false; // silent-ok: the dispatcher refuses such parameters
  }
}

const resourcesOf = (params: unknown): string[] =>
  typeof params === "object" && params !== null
    ? NAMING.flatMap((name) => {
        const value = (params as Record<string, unknown>)[name];
        return typeof value === "string" ? `${name}=${value.slice(0, LONGEST)}` : [];
      })
    : [];

export function withAuditTrail(dispatch: Dispatch, methods: MethodSource, record: (entry: AuditRecord) => void): Dispatch {
  const dispatchRecorded: Dispatch = async (name, params, caller, accept) => {
    const note = (outcome: AuditRecord["outcome"]) =>
      record({ principal: caller.info.principal, action: name, resources: resourcesOf(params), outcome });
    try {
      const result = await dispatch(name, params, caller, accept);
      note("ok");
      return result;
    } catch (error) {
      note(isGatewayError(error) && error.wire !== "UNAVAILABLE" ? "refused" : "failed");
      throw error;
    }
  };
  return (name, params, caller, accept) => {
    const scope = methods.find(name)?.scope;
    return scope !== undefined && isPrivileged(scope, params)
      ? dispatchRecorded(name, params, caller, accept)
      : dispatch(name, params, caller, accept);
  };
}
