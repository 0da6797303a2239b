/** Pieces of output, and what they count against a channel's limit. */
import type { ChannelRecord } from "@pincer/plugin-sdk/contracts/channel";

export interface Bit {
  /** In the channel's markup. */
  readonly out: string;
  /** Without any mark. */
  readonly plain: string;
  /** In the channel's unit. */
  readonly size: number;
}

export const NOTHING: Bit = { out: "", plain: "", size: 0 };

export const joined = (a: Bit, b: Bit): Bit => ({ out: a.out + b.out, plain: a.plain + b.plain, size: a.size + b.size });

type Limits = Pick<ChannelRecord, "textLimit" | "textUnit" | "textCounts">;

export class Meter {
  /** Longest message. */
  readonly limit: number;
  readonly #limits: Limits;
  readonly #bytes: boolean;
  readonly #sent: boolean;

  constructor(limits: Limits, limit = limits.textLimit) {
    this.limit = limit;
    this.#limits = limits;
    this.#bytes = limits.textUnit === "utf8";
    this.#sent = limits.textCounts !== "read";
  }

  unbounded(): Meter {
    return new Meter(this.#limits, Number.MAX_SAFE_INTEGER);
  }

  size(text: string): number {
    return this.#bytes ? Buffer.byteLength(text) : text.length;
  }

  /** What is read, `out` being how it is sent. */
  shown(out: string, plain = out): Bit {
    return { out, plain, size: this.size(this.#sent ? out : plain) };
  }

  /** What nobody reads where it is understood; `plain` stands for it where there are no marks. */
  mark(out: string, plain = ""): Bit {
    return { out, plain, size: this.#sent ? this.size(out) : 0 };
  }
}
