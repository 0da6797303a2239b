/**
 * What a plugin that nobody trusts must name in `permissions.scopes` to use a contract of other plugins: a tool runs what the owner may run, a
 * channel speaks for the owner, a model spends the owner's money. Contracts of the gateway itself name their scope on their own.
 */

import type { WireScope } from "@pincer/plugin-sdk/method";
import { refusedUse } from "@pincer/plugin-sdk/permissions";

const powers: Readonly<Record<string, WireScope>> = {
  tool: "operator.admin",
  policy: "operator.admin",
  inbox: "operator.write",
  outbox: "operator.write",
  channel: "operator.write",
  router: "operator.write",
  turn: "operator.write",
  llm: "operator.write",
  provider: "operator.write",
};

/** Throws `PLUGIN_PERMISSION`. */
export function requirePower(plugin: string, scopes: readonly WireScope[], contract: string): void {
  const scope = Object.hasOwn(powers, contract) ? powers[contract] : undefined;
  const refusal = scope && refusedUse(plugin, scopes, { id: contract, scope });
  if (refusal) throw refusal;
}
