/** What was said while nobody was connected, where the server keeps it (CHATHISTORY) or the bouncer does (ZNC's playback). */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { timeOf } from "./incoming.ts";
import type { Line } from "./line.ts";

/** What is asked for at once; a server may give less. */
const PAGE = 100;
/** Of one conversation what is older than that many pages is let be. */
const MOST_PAGES = 20;
/** How long the server may take before it is gone on without. */
const PATIENCE_MS = 30_000;

/**
 * What is asked for is later than a time, and several messages may have that: the last ones that were kept are asked for again, and the inbox
 * knows them. After a longer silence it may have forgotten them.
 */
const OVERLAP_MS = 1;
const OVERLAP_WITHIN_MS = 24 * 3_600_000;

type Write = (command: string, ...params: string[]) => void;

interface Page {
  readonly target: string;
  readonly pages: number;
}

const isoOf = (ms: number): string => new Date(ms).toISOString();

export class History {
  readonly #write: Write;
  readonly #caps: ReadonlySet<string>;
  /** Epoch milliseconds of the last message that was kept. */
  #since: number | undefined;
  /** Conversations that are asked for, by name as the server says it. */
  readonly #asked = new Map<string, Page>();
  /** Batches that are open, by the server's reference. */
  readonly #batches = new Map<string, { readonly kind: string; readonly target: string; lines: number; last: number }>();
  #isFailed = false;
  #latest = 0;
  #timer: Disposable | undefined;

  constructor(write: Write, caps: ReadonlySet<string>, since: number | undefined) {
    this.#write = write;
    this.#caps = caps;
    this.#since = since;
  }

  /** All that was missed has been handed in, or never will be: from now on messages are kept as they come. */
  get isOver(): boolean {
    return this.#isFailed || (this.#asked.size === 0 && this.#batches.size === 0);
  }

  /** When the last of what was missed was said; 0 when nothing was. */
  get latest(): number {
    return this.#latest;
  }

  begin(clock: Clock): void {
    if (this.#since === undefined) return;
    if (this.#since > clock.now() - OVERLAP_WITHIN_MS) this.#since -= OVERLAP_MS;
    const since = this.#since;
    if (this.#caps.has("draft/chathistory") && this.#caps.has("batch")) {
      this.#timer = clock.after(PATIENCE_MS, () => {
        this.#isFailed = true;
      });
      // Channels, and who wrote to the assistant alone, which only the server knows.
      this.#asked.set("", { target: "", pages: 0 });
      this.#write("CHATHISTORY", "TARGETS", `timestamp=${isoOf(since)}`, `timestamp=${isoOf(clock.now() + 60_000)}`, String(PAGE));
    } else if (this.#caps.has("znc.in/playback")) this.#write("PRIVMSG", "*playback", `play * ${(since / 1000).toFixed(3)}`);
  }

  take(line: Line): void {
    const { command, params, tags } = line;
    if (command === "FAIL" && params[0] === "CHATHISTORY") this.#asked.delete(params[params.length - 2] ?? "");
    if (command === "FAIL" && params[0] === "CHATHISTORY" && params.includes("TARGETS")) this.#asked.delete("");
    if (command === "BATCH") this.#batch(params);
    const batch = this.#batches.get(tags["batch"] ?? "");
    if (!batch) return;
    const time = timeOf(line) ?? 0;
    batch.lines++;
    batch.last = Math.max(batch.last, time);
    this.#latest = Math.max(this.#latest, time);
    if (batch.kind === "draft/chathistory-targets" && command === "CHATHISTORY" && params[0] === "TARGETS" && params[1] !== undefined) {
      const target = params[1];
      if (!this.#asked.has(target)) this.#ask({ target, pages: 0 }, this.#since ?? 0);
    }
  }

  end(): void {
    this.#timer?.[Symbol.dispose]();
  }

  #ask(page: Page, since: number): void {
    this.#asked.set(page.target, page);
    this.#write("CHATHISTORY", "AFTER", page.target, `timestamp=${isoOf(since)}`, String(PAGE));
  }

  #batch([reference = "", kind = "", target = ""]: readonly string[]): void {
    if (reference.startsWith("+")) {
      if (/chathistory/.test(kind)) this.#batches.set(reference.slice(1), { kind, target, lines: 0, last: 0 });
      return;
    }
    const batch = this.#batches.get(reference.slice(1));
    if (!batch) return;
    this.#batches.delete(reference.slice(1));
    const name = batch.kind === "draft/chathistory-targets" ? "" : batch.target;
    const page = this.#asked.get(name);
    this.#asked.delete(name);
    if (page && name !== "" && batch.lines >= PAGE && page.pages < MOST_PAGES)
      this.#ask({ ...page, pages: page.pages + 1 }, batch.last - OVERLAP_MS);
  }
}
