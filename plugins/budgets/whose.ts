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

type Matches = (value: string) => boolean;

/** `*` stands for any text. The time grows as the value does, whoever wrote that: with a regular expression it would not. */
function patternOf(text: string): Matches {
  const [first = "", ...others] = text.split("*");
  const last = others.pop();
  if (last === undefined) return (value) => value === text;
  return (value) => {
    if (!value.startsWith(first)) return false;
    let from = first.length;
    for (const part of others) {
      const at = value.indexOf(part, from);
      if (at < 0) return false;
      from = at + part.length;
    }
    return value.length - last.length >= from && value.endsWith(last);
  };
}

/** Whether calls of somebody are meant by a limit that says so of a dimension. */
export function meantBy(dimension: Dimension, text: string): (whose: Whose) => boolean {
  const matches = patternOf(text);
  switch (dimension) {
    case "principal":
      return ({ user }) => matches(principalOf(user));
    // A limit of whoever the gateway knows holds under each name that it makes up.
    case "user":
      return ({ user, meant }) => matches(user) || matches(principalOf(user)) || meant?.includes(text) === true;
    case "model": {
      const [isWritten, isFamily] = [patternOf(text.toLowerCase()), patternOf(modelFamily(text))];
      return ({ model }) => isWritten(model.toLowerCase()) || isFamily(modelFamily(model));
    }
    default:
      return (whose) => matches(whose[dimension]);
  }
}
