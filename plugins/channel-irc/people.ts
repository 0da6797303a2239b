/** Who is logged in as whom, as far as the server tells (extended-join, account-notify, WHOX): a nick proves nothing, an account does. */
import type { Line } from "./line.ts";

/** Marks the answers to what is asked here. */
const TOKEN = "152";

export class People {
  readonly #fold: () => (name: string) => string;
  readonly #accounts = new Map<string, string>();

  constructor(fold: () => (name: string) => string) {
    this.#fold = fold;
  }

  /** What is to be asked when a channel was joined, as the server takes it. */
  static question(channel: string): readonly [string, ...string[]] {
    return ["WHO", channel, `%tna,${TOKEN}`];
  }

  account(nick: string): string | undefined {
    return this.#accounts.get(this.#fold()(nick));
  }

  take({ command, nick, params }: Line): void {
    switch (command) {
      case "JOIN":
        // Extended: channel, account, real name.
        if (params.length >= 3) this.#is(nick, params[1]!);
        break;
      case "ACCOUNT":
        this.#is(nick, params[0] ?? "*");
        break;
      case "354":
        if (params[1] === TOKEN) this.#is(params[2] ?? "", params[3] ?? "0");
        break;
      case "NICK": {
        const account = this.account(nick);
        this.#is(nick, "*");
        if (account !== undefined && params[0] !== undefined) this.#is(params[0], account);
        break;
      }
      // From here on nobody tells when somebody else takes the nick.
      case "PART":
      case "QUIT":
        this.#is(nick, "*");
        break;
      case "KICK":
        this.#is(params[1] ?? "", "*");
        break;
    }
  }

  /** When the assistant leaves, it is told of nobody any more. */
  forget(): void {
    this.#accounts.clear();
  }

  #is(nick: string, account: string): void {
    if (account === "*" || account === "0") this.#accounts.delete(this.#fold()(nick));
    else this.#accounts.set(this.#fold()(nick), account);
  }
}
