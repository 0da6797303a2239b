/** Whose a call is: by which limits tell calls apart. */
import { modelFamily } from "./model-family.ts";

/** What is kept of each call. */
export const PARTS = ["agent", "user", "model", "profile"] as const;

/** An empty text where nobody knows. */
export interface Whose extends Readonly<Record<(typeof PARTS)[number], string>> {
  /** Of a user who is counted with others: which limits' `user` meant the name that it had itself. */
  readonly meant?: string[];
}

/** What a limit may be of. */
export const DIMENSIONS = ["agent", "principal", "user", "model", "profile"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/**
 * Whom the gateway itself knows: the sender of a channel, a device, or `shared`. What stands behind a slash is a name that the caller made up,
 * but for senders, whose platform's own names may hold one.
 */
export function principalOf(user: string): string {
  const at = user.indexOf("/");
  return at < 0 || user.slice(0, at).includes(":") ? user : user.slice(0, at);
}

/** The part by which calls are counted together. */
export function partOf(whose: Whose, dimension: Dimension): string {
  if (dimension === "principal") return principalOf(whose.user);
  return dimension === "model" ? modelFamily(whose.model) : whose[dimension];
}

const patternOf = (text: string, flags = "s"): RegExp => new RegExp(`^${text.split("*").map(RegExp.escape).join(".*")}$`, flags);

/** Whether calls of somebody are meant by a limit that says so of a dimension; `*` stands for any text. */
export function meantBy(dimension: Dimension, text: string): (whose: Whose) => boolean {
  const pattern = patternOf(text);
  switch (dimension) {
    case "principal":
      return ({ user }) => pattern.test(principalOf(user));
    // A limit of whoever the gateway knows holds under each name that it makes up.
    case "user":
      return ({ user, meant }) => pattern.test(user) || pattern.test(principalOf(user)) || meant?.includes(text) === true;
    case "model": {
      const written = patternOf(text, "si");
      const family = patternOf(modelFamily(text), "si");
      return ({ model }) => written.test(model) || family.test(modelFamily(model));
    }
    default:
      return (whose) => pattern.test(whose[dimension]);
  }
}
