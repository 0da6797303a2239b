/** What was said while nobody was connected, where the server keeps it (CHATHISTORY) or the bouncer does (ZNC's playback). */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { timeOf } from "./incoming.ts";
import type { Line } from "./line.ts";

/** What is asked for at once, where the server gives as much. */
const PAGE = 100;
/** Of one conversation what is later than that many pages is let be. */
const MOST_PAGES = 20;
/** How long the server may take for one page before it is gone on without. */
const PATIENCE_MS = 30_000;
/** What is asked behind the bouncer's playback: it answers itself, in order. */
const MARK = "played";

/**
 * What is asked for is later than a time, and several messages may have that: the last ones that were kept are asked for again, and the inbox
 * knows them. After a longer silence it may have forgotten them.
 */
const OVERLAP_MS = 1;
const OVERLAP_WITHIN_MS = 24 * 3_600_000;

interface Deps {
  readonly write: (command: string, ...params: string[]) => void;
  readonly fold: (name: string) => string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly caps: ReadonlySet<string>;
  /** What the server says of itself, once it has said it all. */
  readonly support: ReadonlyMap<string, string>;
  /** Epoch milliseconds of the last message that was kept. */
  readonly since: number | undefined;
}

/** A list of conversations, or a conversation, of which a page was asked for. */
interface Asked {
  /** Absent: the list. */
  readonly target?: string;
  readonly pages: number;
  readonly after: string;
}

/** A page that is coming. */
interface Batch {
  readonly isList: boolean;
  readonly target: string;
  lines: number;
  last: number;
  lastId: string | undefined;
}

const isoOf = (ms: number): string => new Date(ms).toISOString();
const timestamp = (ms: number): string => `timestamp=${isoOf(ms)}`;

export class History {
  readonly #deps: Deps;
  /** Conversations that are still to be asked for, and all that were listed, by name as the server says it. */
  readonly #waiting: string[] = [];
  readonly #listed = new Set<string>();
  /** By the server's reference. */
  readonly #batches = new Map<string, Batch>();
  /** One at a time: servers slow down, or throw out, who asks for much at once. */
  #asked: Asked | undefined;
  #isBegun = false;
  #isPlaying = false;
  #latest = 0;
  #timer: Disposable | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** All that was missed has been handed in, or never will be: from now on messages are kept as they come. */
  get isOver(): boolean {
    return this.#isBegun && this.#asked === undefined && !this.#isPlaying;
  }

  /** When the last of what was missed was said; 0 when nothing was. */
  get latest(): number {
    return this.#latest;
  }

  /** From when on everything is asked for, in epoch milliseconds. */
  get #since(): number | undefined {
    const { since, clock } = this.#deps;
    return since !== undefined && since > clock.now() - OVERLAP_WITHIN_MS ? since - OVERLAP_MS : since;
  }

  begin(): void {
    const { caps, write } = this.#deps;
    const since = this.#since;
    this.#isBegun = true;
    if (since === undefined) return;
    // Channels, and who wrote to the assistant alone, which only the server knows.
    if (caps.has("draft/chathistory") && caps.has("batch")) this.#ask({ pages: 0, after: timestamp(since) });
    else if (caps.has("znc.in/playback")) {
      this.#isPlaying = true;
      write("PRIVMSG", "*playback", `play * ${(since / 1000).toFixed(3)}`);
      write("PING", MARK);
      this.#wait();
    }
  }

  take(line: Line): void {
    const { command, params, tags } = line;
    if (command === "FAIL" && params[0] === "CHATHISTORY") this.#next();
    else if (command === "PONG" && params.at(-1) === MARK) this.#isPlaying = false;
    else if (command === "BATCH") this.#batch(params);
    const batch = this.#batches.get(tags["batch"] ?? "");
    if (batch?.isList === true) this.#list(line, batch);
    else if (batch) {
      batch.lines++;
      batch.last = Math.max(batch.last, timeOf(line) ?? 0);
      batch.lastId = tags["msgid"] || undefined;
    }
    if (batch || this.#isPlaying) this.#latest = Math.max(this.#latest, timeOf(line) ?? 0);
  }

  end(): void {
    this.#timer?.[Symbol.dispose]();
  }

  /** As many as the server gives at once; it says 0 where it has no bound. */
  get #page(): number {
    return Math.min(Number(this.#deps.support.get("CHATHISTORY")) || PAGE, PAGE);
  }

  #ask(asked: Asked): void {
    const { write, clock } = this.#deps;
    this.#asked = asked;
    const { target, after } = asked;
    if (target === undefined) write("CHATHISTORY", "TARGETS", after, timestamp(clock.now() + 60_000), String(this.#page));
    else write("CHATHISTORY", "AFTER", target, after, String(this.#page));
    this.#wait();
  }

  #wait(): void {
    const { clock, log } = this.#deps;
    this.end();
    this.#timer = clock.after(PATIENCE_MS, () => {
      log.warn("irc.history-not-given", { target: this.#asked?.target });
      this.#asked = undefined;
      this.#isPlaying = false;
    });
  }

  #next(): void {
    if (this.#asked === undefined) return;
    const target = this.#waiting.shift();
    if (target !== undefined) this.#ask({ target, pages: 0, after: timestamp(this.#since ?? 0) });
    else {
      this.#asked = undefined;
      this.end();
    }
  }

  #list({ command, params }: Line, batch: Batch): void {
    const [kind, target, time = ""] = params;
    if (command !== "CHATHISTORY" || kind !== "TARGETS" || target === undefined) return;
    batch.lines++;
    batch.last = Math.max(batch.last, Date.parse(time) || 0);
    if (this.#listed.has(target)) return;
    this.#listed.add(target);
    this.#waiting.push(target);
  }

  #batch([reference = "", kind = "", target = ""]: readonly string[]): void {
    const name = reference.slice(1);
    if (reference.startsWith("+")) {
      const isList = kind === "draft/chathistory-targets";
      if (isList || kind === "chathistory") this.#batches.set(name, { isList, target, lines: 0, last: 0, lastId: undefined });
      return;
    }
    const batch = this.#batches.get(name);
    this.#batches.delete(name);
    if (batch) this.#turnOver(batch);
  }

  /** A page is whole. A server may give less than was asked for: a conversation is over when it gives nothing more. */
  #turnOver({ isList, target, lines, last, lastId }: Batch): void {
    const { fold, log, support } = this.#deps;
    const asked = this.#asked;
    if (asked === undefined || isList !== (asked.target === undefined)) return;
    if (asked.target !== undefined && fold(asked.target) !== fold(target)) return;
    // Several messages may be of the same time, of which a page shows the first alone: where they have no ids the last ones come again.
    const hasIds = (support.get("MSGREFTYPES") ?? "").split(",").includes("msgid");
    const after = hasIds && lastId !== undefined ? `msgid=${lastId}` : timestamp(last - OVERLAP_MS);
    if (lines === 0 || after === asked.after || (isList && lines < this.#page)) this.#next();
    else if (asked.pages + 1 < MOST_PAGES) this.#ask({ ...asked, pages: asked.pages + 1, after });
    else {
      log.warn("irc.history-too-long", { target: asked.target, pages: MOST_PAGES });
      this.#next();
    }
  }
}
