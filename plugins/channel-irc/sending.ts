/** Lines that were said, until the server shows that it has taken them: by its echo, or by answering what was asked behind them. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { Line } from "./line.ts";
import type { Tags } from "./signs.ts";

/** What it answers when it does not pass a message on. */
const REFUSALS = new Set(["401", "403", "404", "405", "407", "408", "411", "412", "415", "477", "486", "489", "492", "531", "716"]);

/** What the questions behind lines begin with. */
const MARK = "said";

interface Said {
  readonly target: string;
  readonly token: string;
  resolve(messageId: string | undefined): void;
  reject(error: Error): void;
}

interface SendingDeps {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Whether the server says again what it was told. */
  readonly echoes: boolean;
  write(tags: Tags, command: string, ...params: string[]): void;
  fold(name: string): string;
}

export class Sending {
  readonly #deps: SendingDeps;
  #waiting: Said[] = [];
  #count = 0;

  constructor(deps: SendingDeps) {
    this.#deps = deps;
  }

  /** Answers with the server's id of the message, where it has ids. Throws in the codes of `channelErrors`. */
  async say(target: string, text: string, tags: Tags): Promise<string | undefined> {
    const { clock, timeoutMs, echoes, write } = this.#deps;
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
    const said = { target, token: `${MARK}${++this.#count}`, resolve, reject };
    this.#waiting.push(said);
    write(tags, "PRIVMSG", target, text);
    if (!echoes) write({}, "PING", said.token);
    using _timer = clock.after(timeoutMs, () =>
      reject(channelErrors.CHANNEL_UNCERTAIN(`the server has not said in ${timeoutMs} ms whether it took the line`)),
    );
    try {
      return await promise;
    } finally {
      this.#waiting = this.#waiting.filter((other) => other !== said);
    }
  }

  /** `me`: the assistant's nick now. */
  take({ command, nick, params, tags }: Line, me: string): void {
    const { fold } = this.#deps;
    const first = (target: string) => this.#waiting.find((said) => fold(said.target) === fold(target));
    if (command === "PONG") this.#waiting.find(({ token }) => token === params.at(-1))?.resolve(undefined);
    else if (command === "PRIVMSG" && fold(nick) === fold(me)) first(params[0] ?? "")?.resolve(tags["msgid"] || undefined);
    else if (REFUSALS.has(command))
      first(params[1] ?? "")?.reject(
        channelErrors.CHANNEL_REJECTED(`the server does not pass it on: ${params.at(-1) ?? command} (${command})`),
      );
  }

  /** The connection is gone. */
  lost(): void {
    for (const { reject } of this.#waiting)
      reject(channelErrors.CHANNEL_UNCERTAIN("the connection broke before the server had taken the line"));
  }
}
