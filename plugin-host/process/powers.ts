/**
 * What a plugin that nobody trusts must name in `permissions.scopes` to use a contract of other plugins: a tool runs what the owner may run, a
 * channel speaks for the owner, a model spends the owner's money. Contracts of the gateway itself name their scope on their own.
 */

import type { WireScope } from "@pincer/plugin-sdk/method";
import { refusedUse } from "@pincer/plugin-sdk/permissions";

const admin = new Set(["tool", "policy"]);
const write = new Set(["inbox", "outbox", "channel", "router", "turn", "llm", "provider"]);

/** Throws `PLUGIN_PERMISSION`. */
export function requirePower(plugin: string, scopes: readonly WireScope[], contract: string): void {
  const scope: WireScope | undefined = admin.has(contract) ? "operator.admin" : write.has(contract) ? "operator.write" : undefined;
  const refusal = scope && refusedUse(plugin, scopes, { id: contract, scope });
  if (refusal) throw refusal;
}
