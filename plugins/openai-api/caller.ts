/** Who calls, as the bus says. */
import type { WireScope } from "@pincer/plugin-sdk/method";
import { allows, knownScopes } from "@pincer/plugin-sdk/wire/scopes";
import { ApiFailure } from "./failure.ts";

const longestUser = 200;

export interface Caller {
  /** Who asks: a device, or `shared` for whoever has the gateway's token. */
  readonly principal: string;
  /** For whom it is, when the caller names one of its users. */
  account(user: string | null | undefined): string;
  /** Throws when the caller may not. */
  require(scope: WireScope): void;
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
        throw new ApiFailure("missing_scope", `This needs the scope ${scope}, which the key that was used does not have.`, {
          type: "forbidden",
          details: { code: "MISSING_SCOPE", missingScope: scope },
        });
    },
  };
}
