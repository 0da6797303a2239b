/** What each scope of the wire implies (`protocol` section 3). */
import { type WireScope, wireScopes } from "../method.ts";

const implied: Readonly<Partial<Record<WireScope, readonly WireScope[]>>> = {
  "operator.read": ["operator.sessions.read"],
  "operator.write": ["operator.read", "operator.talk", "operator.sessions.read", "operator.sessions.write"],
  "operator.sessions.write": ["operator.sessions.read"],
};

/** Whether somebody who holds these scopes may do what needs that one. `operator.admin` may do everything; a word of a newer version, nothing. */
export const allows = (held: readonly WireScope[], needed: WireScope): boolean =>
  held.some((scope) => scope === needed || scope === "operator.admin" || implied[scope]?.includes(needed));

/** Of these scopes, those that `held` does not allow. */
export const lacking = (held: readonly WireScope[], needed: readonly WireScope[]): WireScope[] =>
  needed.filter((scope) => !allows(held, scope));

/** Of what a client wrote, the scopes that exist, each once. */
export const knownScopes = (words: readonly string[]): WireScope[] => wireScopes.filter((scope) => words.includes(scope));
