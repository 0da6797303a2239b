/**
 * Whoever asks through an API calls itself what it likes: of each principal so many names are told apart in a day, and further ones are
 * counted together. Whom the gateway itself knows is always told apart.
 */
import { principalOf } from "./whose.ts";

const mostNames = 500;
const othersOf = (principal: string): string => `${principal}/others`;

export class Users {
  readonly #names = new Map<string, Set<string>>();

  /** The name under which a user is counted. */
  countedAs(user: string): string {
    const principal = principalOf(user);
    if (principal === user) return user;
    const names = this.#names.getOrInsertComputed(principal, () => new Set());
    const others = othersOf(principal);
    if (!names.has(user) && user !== others) {
      if (names.size >= mostNames) return others;
      names.add(user);
    }
    return user;
  }

  clear(): void {
    this.#names.clear();
  }
}
