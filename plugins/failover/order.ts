/** In which order the profiles of an endpoint are tried. */
import type { FailoverConfig, Fallback, Trigger } from "./config.ts";
import { USUAL_TRIGGERS } from "./config.ts";

/** The name after `<endpoint>:` of what the provider itself has, from the environment or its configuration. */
const OWN = "environment";
export const ownProfile = (endpoint: string): string => `${endpoint}:${OWN}`;
export const endpointOf = (profile: string): string => profile.slice(0, profile.indexOf(":"));
export const isOwn = (profile: string): boolean => profile.endsWith(`:${OWN}`);

interface OrderOptions {
  readonly endpoint: string;
  /** What the request and the session name. */
  readonly requested: string | undefined;
  readonly session: string | undefined;
  /** What was set for the provider while it ran, and what its configuration says. */
  readonly override: readonly string[];
  readonly configured: readonly string[];
  /** All that there are. */
  readonly profiles: readonly { readonly name: string; readonly endpoint: string; readonly priority: number }[];
  /** The provider has a credential of its own, or needs none. */
  readonly hasOwn: boolean;
}

export function orderOf(options: OrderOptions): readonly string[] {
  const { endpoint, requested, session, override, configured, profiles, hasOwn } = options;
  const known = profiles
    .filter((profile) => profile.endpoint === endpoint)
    .toSorted((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name);
  const own = hasOwn ? [ownProfile(endpoint)] : [];
  const wanted = [requested, session, ...override, ...configured, ...known, ...own];
  const usable = new Set([...known, ...own]);
  return [...new Set(wanted)].filter((name): name is string => name !== undefined && usable.has(name));
}

export interface FallbackModel {
  readonly model: string;
  readonly on: readonly Trigger[];
}

const fallbackOf = (fallback: Fallback): FallbackModel =>
  typeof fallback === "string" ? { model: fallback, on: USUAL_TRIGGERS } : fallback;

/** `wanted`: as the request named the model, and its reference. */
export function fallbacksOf(
  { fallbacks, agents, models }: Pick<FailoverConfig, "fallbacks" | "agents" | "models">,
  wanted: readonly (string | undefined)[],
  agentId: string | undefined,
): readonly FallbackModel[] {
  const own = wanted.find((name) => name !== undefined && Object.hasOwn(models, name));
  const chosen = own !== undefined ? models[own] : agentId !== undefined && Object.hasOwn(agents, agentId) ? agents[agentId] : fallbacks;
  return (chosen ?? []).map(fallbackOf);
}
