/** What a plugin that nobody trusts must name to use others' contracts, which act as the owner. The gateway's own name their scope themselves. */
import * as hooks from "@pincer/plugin-sdk/hooks";
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import type { WireScope } from "@pincer/plugin-sdk/method";
import { unnamed } from "@pincer/plugin-sdk/permissions";

const admin = new Set(["tool", "policy", "approvals", "auth-profiles", "owners", "sender-policy"]);
const models = ["llm", "provider", "model-access", "selector", "media", "transcriber"];
const write = new Set(["inbox", "outbox", "channel", "channel-actions", "router", "turn", ...models]);

/** Throws `PLUGIN_PERMISSION`. */
export function requirePower(plugin: string, scopes: readonly WireScope[], contract: string, does = "uses"): void {
  const scope: WireScope | undefined = admin.has(contract) ? "operator.admin" : write.has(contract) ? "operator.write" : undefined;
  if (scope && !scopes.includes(scope)) throw unnamed(`${plugin} ${does} ${contract}`, scope);
}

const gatewayHooks: ReadonlySet<string> = new Set(Object.values(hooks).map(({ id }) => id));
/** The gateway's are nobody's own, also of a plugin that is called like the first word of one. */
export const isOwnHook = (plugin: string, hook: string): boolean => hook.startsWith(`${plugin}.`) && !gatewayHooks.has(hook);

/** Whoever offers one more of these is used only by whoever names it. */
const named = new Set(["tool", "channel", "channel-actions", "provider"]);

/** What it has a say in for everybody: a hook hears and changes what others do, and some contracts decide for them. Throws `PLUGIN_PERMISSION`. */
export function requireSay({ id, permissions: { scopes = [] } = {}, generated: { hooks = {}, provides = {} } = {} }: Manifest): void {
  for (const contract of Object.keys(provides)) if (!named.has(contract)) requirePower(id, scopes, contract, "provides");
  const hook = Object.keys(hooks).find((each) => !isOwnHook(id, each));
  if (hook && !scopes.includes("operator.write")) throw unnamed(`${id} takes part in ${hook}`, "operator.write");
}
