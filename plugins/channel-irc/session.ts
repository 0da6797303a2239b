/** One account's connection, from the first line to the last: what the server says is taken in its order. */
import type { Logger } from "@pincer/plugin-sdk";
import { acceptInTime, Intake } from "@pincer/plugin-sdk/channel/intake";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { type ChannelStatus, channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { inbox } from "@pincer/plugin-sdk/contracts/inbox";
import { Bucket } from "./bucket.ts";
import type { Settings } from "./config.ts";
import { History } from "./history.ts";
import { readMessage, timeOf } from "./incoming.ts";
import { foldWith, formatLine, formatTags, LINE_BYTES, type Line, parseLine, piecesOf } from "./line.ts";
import { Login } from "./login.ts";
import { People } from "./people.ts";
import { Sending } from "./sending.ts";
import { Signs, type Tags } from "./signs.ts";
import { openWire, type Wire } from "./wire.ts";

/** How often a nick that was in use is asked for again. */
const REGAIN_MS = 60_000;
/** After it was thrown out of a channel. */
const REJOIN_MS = 30_000;
/** What others see before the text, where the server has not shown it yet: `nick!user@host`. */
const LONGEST_HOST = 75;
/** How long a line waits here for its turn before delivery is asked to come again. */
const PATIENCE_MS = 10_000;
/** Own messages that a reply may be to. */
const MOST_OWN = 500;
/** What is older was kept somewhere, and comes in any order. */
const LIVE_MS = 60_000;
/** How long the server has to close, once it was told goodbye. */
const GOODBYE_MS = 2_000;
/** What takes a position along and is of no conversation; none has such a name. */
const NO_CONVERSATION = "";

/** Why a channel was not joined. */
const JOIN_REFUSALS: Readonly<Record<string, string>> = {
  "403": "there is no such channel",
  "405": "it is in too many channels",
  "471": "the channel is full",
  "473": "one must be invited",
  "474": "it is banned there",
  "475": 'it needs a key: "#channel key"',
  "476": "that is no name of a channel",
  "477": "one must be logged in: channels.irc.login",
  "489": "the channel wants TLS",
};

function checkTarget(target: string): void {
  if (!/^[^\s,:][^\s,]*$/.test(target)) throw channelErrors.CHANNEL_REJECTED(`expected a nick or a channel, came "${target}"`);
}

/** Up to when what was said has been kept, over the connections of an account. */
export interface Held {
  position: string | undefined;
}

export interface SessionDeps {
  readonly account: string;
  readonly settings: Settings;
  readonly held: Held;
  readonly inbox: ImplementationOf<typeof inbox>;
  readonly clock: Clock;
  readonly log: Logger;
  /** The account's reactions, which outlive a connection. */
  readonly reactions: Map<string, string>;
  /** Of the plugin's life: what was received is handed in even when the connection is asked to end. */
  readonly signal: AbortSignal;
}

export class Session {
  readonly #deps: SessionDeps;
  readonly #bucket: Bucket;
  readonly #people = new People(() => this.#fold);
  readonly #support = new Map<string, string>();
  readonly #own = new Set<string>();
  readonly #timers = new Set<Disposable>();
  readonly #intake: Intake;
  #fold = foldWith("rfc1459");
  #wire: Wire | undefined;
  #login: Login | undefined;
  #sending: Sending | undefined;
  #history: History | undefined;
  #signs: Signs | undefined;
  #me = "";
  /** As others see the assistant; empty until the server has shown it. */
  #source = "";
  #heardAt = 0;
  #isCaughtUp = false;
  /** Nothing is read, since as much is handed in as may be at once. */
  #isFull = false;
  /** Up to where everything was said before what comes now; empty where no message has a time. */
  #position: string;
  #lastWords = "";

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.#bucket = new Bucket(deps.clock, deps.settings.burst, deps.settings.lineEveryMs);
    this.#position = deps.held.position ?? "";
    this.#intake = new Intake({ keep: (position) => this.#advance(position), onFailure: () => this.#wire?.destroy() });
  }

  /** Ends with the signal; throws when the connection breaks. */
  async *run(signal: AbortSignal): AsyncGenerator<ChannelStatus, void, void> {
    const { settings, clock } = this.#deps;
    const wire = await openWire(settings, signal);
    this.#wire = wire;
    const goodbye = () => {
      this.#write("QUIT", "");
      wire.end();
      this.#timers.add(clock.after(GOODBYE_MS, wire.destroy));
    };
    signal.addEventListener("abort", goodbye, { once: true });
    try {
      if (signal.aborted) goodbye();
      this.#login = new Login(settings, this.#write);
      this.#login.begin();
      this.#watch(wire);
      for await (const text of wire.lines()) {
        this.#heardAt = clock.monotonic();
        const line = parseLine(text);
        const status = line && (await this.#take(line, signal));
        if (status) yield status;
      }
      await this.#intake.settle();
      if (!signal.aborted) throw channelErrors.CHANNEL_UNAVAILABLE(this.#whyEnded());
    } catch (error) {
      if (signal.aborted) return;
      // Says what could not be kept, where that is why the connection was ended.
      await this.#intake.settle();
      throw error;
    } finally {
      signal.removeEventListener("abort", goodbye);
      this.#wire = undefined;
      for (const timer of this.#timers) timer[Symbol.dispose]();
      this.#history?.end();
      this.#sending?.lost();
      this.#signs = undefined;
      wire.destroy();
    }
  }

  /** Answers with the server's id of the last line, where it has ids. Throws in the codes of `channelErrors`. */
  async say(target: string, text: string, replyTo: string | undefined, signal: AbortSignal): Promise<string | undefined> {
    const { clock } = this.#deps;
    checkTarget(target);
    const source = this.#source === "" ? this.#me.length + LONGEST_HOST : Buffer.byteLength(this.#source);
    const room = LINE_BYTES - ":".length - source - Buffer.byteLength(` PRIVMSG ${target} :\r\n`);
    const pieces = piecesOf(text, room);
    const wait = this.#bucket.take(pieces.length);
    if (wait > PATIENCE_MS)
      throw channelErrors.CHANNEL_RATE_LIMITED("lines go one at a time, so that the server does not end the connection", {
        retryAfterMs: wait,
      });
    if (wait > 0) {
      await clock.sleep(wait, signal);
      return this.say(target, text, replyTo, signal);
    }
    let id: string | undefined;
    for (const [index, piece] of pieces.entries()) {
      if (!this.#sending || !this.#wire) {
        if (index > 0) throw channelErrors.CHANNEL_UNCERTAIN("the connection broke in the middle of the message");
        throw channelErrors.CHANNEL_UNAVAILABLE("not connected");
      }
      id = await this.#sending.say(target, piece, index === 0 ? (this.#signs?.answering(replyTo) ?? {}) : {});
    }
    if (id !== undefined) this.#own.add(id);
    if (this.#own.size > MOST_OWN) this.#own.delete(this.#own.values().next().value!);
    return id;
  }

  get me(): string {
    return this.#me;
  }

  typing(target: string): void {
    checkTarget(target);
    this.#signs?.typing(target);
  }

  /** Throws in the codes of `channelErrors`. */
  react(target: string, messageId: string, emoji: string): void {
    checkTarget(target);
    if (!this.#signs) throw channelErrors.CHANNEL_UNAVAILABLE("not connected");
    this.#signs.react(target, messageId, emoji);
  }

  readonly #writeTagged = (tags: Tags, command: string, ...params: string[]): void =>
    this.#wire?.write(`${formatTags(tags)}${formatLine(command, ...params)}`);

  readonly #write = (command: string, ...params: string[]): void => this.#writeTagged({}, command, ...params);

  #watch(wire: Wire): void {
    const { clock, settings } = this.#deps;
    this.#heardAt = clock.monotonic();
    const look = () => {
      const silent = clock.monotonic() - this.#heardAt;
      if (silent >= settings.timeoutMs && !this.#isFull) {
        this.#lastWords = `nothing was heard for ${settings.timeoutMs} ms`;
        wire.destroy();
      } else if (silent >= settings.timeoutMs / 2) this.#write("PING", "still-there");
    };
    this.#timers.add(clock.every(Math.ceil(settings.timeoutMs / 4), look));
  }

  async #take(line: Line, until: AbortSignal): Promise<ChannelStatus | undefined> {
    const { command, params, nick } = line;
    const login = this.#login!;
    if (command === "PING") this.#write("PONG", params.at(-1) ?? "");
    else if (command === "ERROR") this.#lastWords = params.at(-1) ?? "";
    else if (!this.#sending) {
      if (login.take(line)) this.#letIn(login);
      return undefined;
    }
    this.#sending?.take(line, this.#me);
    this.#people.take(line);
    this.#history?.take(line);
    if (nick !== "" && this.#fold(nick) === this.#fold(this.#me)) this.#ofOneself(line);
    switch (command) {
      case "005":
        this.#supports(params);
        return undefined;
      case "376":
      case "422":
        await this.#beginAnew(line);
        return this.#ready();
      case "KICK":
        if (this.#fold(params[1] ?? "") === this.#fold(this.#me)) this.#thrownOut(params);
        return undefined;
      case "NOTICE":
        if (this.#fold(nick) === "nickserv")
          this.#deps.log.info("irc.nickserv", { account: this.#deps.account, said: params.at(-1) ?? "" });
        return undefined;
      case "PRIVMSG":
        await this.#handIn(line, until);
        return undefined;
      case "BATCH":
      case "PONG":
        await this.#keepLatest();
        return undefined;
      default:
        if (command in JOIN_REFUSALS) this.#notJoined(line);
        return undefined;
    }
  }

  #letIn(login: Login): void {
    const { clock, settings, held, reactions, log } = this.#deps;
    const { caps } = login;
    const [support, fold] = [this.#support, (name: string) => this.#fold(name)];
    this.#me = login.nick;
    this.#sending = new Sending({
      clock,
      timeoutMs: settings.timeoutMs,
      echoes: caps.has("echo-message"),
      write: this.#writeTagged,
      fold,
    });
    this.#signs = new Signs({ bucket: this.#bucket, caps, support, reactions, write: this.#writeTagged });
    const since = held.position === undefined ? Number.NaN : Date.parse(held.position);
    this.#history = new History({
      write: this.#write,
      fold,
      clock,
      log,
      caps,
      support,
      since: Number.isNaN(since) ? undefined : since,
    });
  }

  /** Where nothing was kept yet, all counts from here: what is said next is fetched, however soon the connection breaks. */
  async #beginAnew(line: Line): Promise<void> {
    const { clock, held } = this.#deps;
    if (held.position === undefined) await this.#advance(new Date(timeOf(line) ?? clock.now()).toISOString());
  }

  #ready(): ChannelStatus {
    const { settings, clock } = this.#deps;
    // A program says that it is one, where the server has a mode for that.
    const bot = this.#support.get("BOT");
    if (bot) this.#write("MODE", this.#me, `+${bot}`);
    for (const channel of settings.channels) {
      const [name = "", key] = channel.split(" ");
      this.#write("JOIN", name, ...(key === undefined ? [] : [key]));
    }
    this.#history?.begin();
    if (this.#fold(this.#me) !== this.#fold(settings.nick)) {
      this.#timers.add(
        clock.every(REGAIN_MS, () => void (this.#fold(this.#me) !== this.#fold(settings.nick) && this.#write("NICK", settings.nick))),
      );
    }
    return { state: "connected", self: this.#me };
  }

  #supports(params: readonly string[]): void {
    for (const word of params.slice(1, -1)) {
      const at = word.indexOf("=");
      this.#support.set(at < 0 ? word : word.slice(0, at), at < 0 ? "" : word.slice(at + 1));
    }
    this.#fold = foldWith(this.#support.get("CASEMAPPING") ?? "rfc1459");
  }

  #ofOneself({ command, source, params }: Line): void {
    if (source.includes("!")) this.#source = source;
    if (command === "NICK" && params[0] !== undefined) {
      this.#me = params[0];
      this.#source = "";
    } else if (command === "CHGHOST") this.#source = `${this.#me}!${params[0]}@${params[1]}`;
    else if (command === "JOIN" && this.#support.has("WHOX") && params[0] !== undefined) this.#write(...People.question(params[0]));
    else if (command === "PART") this.#people.forget();
  }

  #thrownOut([channel = "", , why = ""]: readonly string[]): void {
    const { clock, log, account, settings } = this.#deps;
    this.#people.forget();
    log.warn("irc.thrown-out", { account, channel, why });
    const again = settings.channels.find((each) => this.#fold(each.split(" ", 1)[0]!) === this.#fold(channel));
    if (again !== undefined) this.#timers.add(clock.after(REJOIN_MS, () => this.#write("JOIN", ...again.split(" "))));
  }

  #notJoined({ command, params }: Line): void {
    const { account, log, settings } = this.#deps;
    const channel = params[1] ?? "";
    const isWanted = settings.channels.some((each) => this.#fold(each.split(" ", 1)[0]!) === this.#fold(channel));
    if (isWanted) log.warn("irc.not-joined", { account, channel, why: JOIN_REFUSALS[command], said: params.at(-1) ?? "" });
  }

  async #handIn(line: Line, until: AbortSignal): Promise<void> {
    const { account, clock, inbox, signal } = this.#deps;
    const time = timeOf(line);
    const isKept = line.tags["batch"] !== undefined || (time !== undefined && Math.abs(clock.now() - time) >= LIVE_MS);
    // Who has the nick now need not have had it then; and where messages say it themselves, who says nothing is nobody.
    const isKnown = !isKept && this.#login?.caps.has("account-tag") !== true;
    const message = readMessage(line, {
      account,
      me: this.#me,
      now: clock.now(),
      fold: this.#fold,
      channelIn: (target) => this.#channelIn(target),
      accountOf: (nick) => (isKnown ? this.#people.account(nick) : undefined),
      isOwn: (id) => this.#own.has(id),
    });
    if (!message) return;
    // What was missed comes conversation by conversation: a time would say that all before it is kept.
    if (time !== undefined && !isKept && this.#history?.isOver === true) this.#position = new Date(time).toISOString();
    await this.#handOn(message.address.conversation, async (position) => {
      await acceptInTime(inbox, { message, ...(position && { position }) }, { clock, signal, until });
      this.#kept(position);
    });
  }

  /** Resolves when there is room for the next line. */
  async #handOn(conversation: string, hand: (position: string | undefined) => Promise<unknown>): Promise<void> {
    this.#isFull = true;
    try {
      await this.#intake.take({ conversation, position: this.#position }, hand);
    } finally {
      this.#isFull = false;
      this.#heardAt = this.#deps.clock.monotonic();
    }
  }

  async #advance(position: string | undefined): Promise<void> {
    const { account, inbox, signal } = this.#deps;
    if (!position) return;
    await inbox.advance({ channel: "irc", account, position }, { signal });
    this.#kept(position);
  }

  /** Several are kept beside each other, the later one first at times. */
  #kept(position: string | undefined): void {
    const { held } = this.#deps;
    if (position && position > (held.position ?? "")) held.position = position;
  }

  async #keepLatest(): Promise<void> {
    const history = this.#history;
    if (!history?.isOver || history.latest === 0 || this.#isCaughtUp) return;
    this.#isCaughtUp = true;
    this.#position = new Date(history.latest).toISOString();
    await this.#handOn(NO_CONVERSATION, (position) => this.#advance(position));
    // Behind the back of what comes meanwhile: a conversation may have to be waited for.
    this.#intake.settle().catch(() => this.#wire?.destroy()); // silent-ok: the session settles once more, and throws it
  }

  #channelIn(target: string): string | undefined {
    const kinds = this.#support.get("CHANTYPES") ?? "#&";
    const name = target.replace(/^[~&@%+]+(?=[#&])/, "");
    return name !== "" && kinds.includes(name.charAt(0)) ? name : undefined;
  }

  #whyEnded(): string {
    const { host } = this.#deps.settings;
    if (this.#lastWords === "") return `${host} ended the connection`;
    const flood = /flood|sendq|too fast/i.test(this.#lastWords);
    return `${host} ended the connection: ${this.#lastWords}${flood ? " (raise channels.irc.lineEveryMs)" : ""}`;
  }
}
