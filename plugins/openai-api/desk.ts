/** What the handlers of the API's paths are given. */
import type { Logger } from "@pincer/plugin-sdk";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { WireScope } from "@pincer/plugin-sdk/method";
import { allows, knownScopes } from "@pincer/plugin-sdk/wire/scopes";
import type { Agents } from "./agent-stream.ts";
import { ApiFailure, type ErrorBody, failureOf } from "./failure.ts";
import type { ApiContext } from "./uses.ts";

const longestUser = 200;

export interface Caller {
  /** Who asks: a device, or `shared` for whoever has the gateway's token. */
  readonly principal: string;
  /** For whom it is, when the caller names one of its users. */
  account(user: string | null | undefined): string;
  /** Throws when the caller may not. */
  require(scope: WireScope): void;
}

export interface Desk {
  readonly ctx: ApiContext;
  readonly agents: Agents;
}

/** As the bus says, which takes these headers from nobody else. */
export function callerOf(headers: Headers): Caller {
  const scopes = knownScopes((headers.get("x-pincer-scopes") ?? "").split(","));
  const principal = headers.get("x-pincer-principal") ?? "";
  return {
    principal,
    account: (user) => (user ? `${principal}/${user.toWellFormed().slice(0, longestUser)}` : principal),
    require(scope) {
      if (!allows(scopes, scope))
        throw new ApiFailure(403, `This needs the scope ${scope}, which the key that was used does not have.`, {
          type: "forbidden",
          code: "missing_scope",
          details: { code: "MISSING_SCOPE", missingScope: scope },
        });
    },
  };
}

/** What a reader is told of something that went wrong in the middle of an answer. */
export function toldOf(log: Logger, error: unknown): ErrorBody {
  const failure = failureOf(error);
  if (failure) return failure.body;
  log.error("api.fault", { error: errorMessage(error), stack: error instanceof Error ? error.stack : undefined });
  return new ApiFailure(500, "internal error", { code: "internal_error" }).body;
}
