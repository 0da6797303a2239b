/** A link that logs one browser in, once. Its code stands in the fragment, which no server and no log sees. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { defineMethod, type WireScope } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
import { bindMethod, type MethodBinding } from "../bus/bindings.ts";
import type { Access } from "./access.ts";

const PAGE_SCOPES: readonly WireScope[] = ["operator.read", "operator.write"];

const loginLink = defineMethod({
  name: "gateway.loginLink",
  summary: "A link that logs one browser in, once.",
  scope: "operator.admin",
  params: Type.Object({}, { additionalProperties: false }),
  result: Type.Object({ url: Type.String(), expiresAtMs: Type.Integer() }),
});

interface Parts {
  readonly access: Pick<Access, "issueBootstrap">;
  readonly clock: Clock;
  readonly ttlMs: () => number;
  /** Where the page is. */
  readonly url: () => string;
}

export function createLoginLinks({ access, clock, ttlMs, url }: Parts) {
  const make = async () => {
    const code = await access.issueBootstrap({ role: "operator", scopes: PAGE_SCOPES });
    return { url: `${url().replace(/\/$/, "")}/#login=${code}`, expiresAtMs: clock.now() + ttlMs() };
  };
  const method: MethodBinding = bindMethod(loginLink, make);
  return { make, method };
}
