/** Takes values out of a stream of bytes, also where a value comes in pieces: what a command was given in confidence is not what a model reads. */

/** Shorter ones would be found in everything. */
const shortest = 6;

export class Conceal {
  /** Each byte a character; the longest first. */
  readonly #values: ReadonlyMap<string, string>;
  readonly #any: RegExp | undefined;
  #held = "";

  constructor(variables: Readonly<Record<string, string>>) {
    const hidden = Object.entries(variables)
      .filter(([, value]) => value.length >= shortest)
      .map(([name, value]) => [Buffer.from(value).toString("latin1"), `[${name}]`] as const)
      .sort(([a], [b]) => b.length - a.length);
    this.#values = new Map(hidden);
    if (hidden.length > 0) this.#any = new RegExp(hidden.map(([value]) => value.replace(/[^A-Za-z0-9]/g, escaped)).join("|"), "g");
  }

  /** What may go on of it; what may be the beginning of a value is held back until it is clear whether it is. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#any === undefined) return bytes;
    const text = this.#held + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
    let [shown, at] = ["", 0];
    for (const { 0: value, index } of text.matchAll(this.#any)) {
      // It is the beginning of a longer one, perhaps.
      if (this.#isBegun(text.slice(index))) return this.#upTo(text, index, shown, at);
      shown += text.slice(at, index) + this.#values.get(value);
      at = index + value.length;
    }
    let end = text.length - Math.min(text.length - at, [...this.#values.keys()][0]!.length - 1);
    while (end < text.length && !this.#isBegun(text.slice(end))) end += 1;
    return this.#upTo(text, end, shown, at);
  }

  end(): Uint8Array {
    const rest = this.#any === undefined ? "" : this.#held.replace(this.#any, (value) => this.#values.get(value)!);
    this.#held = "";
    return Buffer.from(rest, "latin1");
  }

  #upTo(text: string, end: number, shown: string, at: number): Uint8Array {
    this.#held = text.slice(end);
    return Buffer.from(shown + text.slice(at, end), "latin1");
  }

  #isBegun(text: string): boolean {
    return this.#values.keys().some((value) => value.length > text.length && value.startsWith(text));
  }
}

const escaped = (char: string): string => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
