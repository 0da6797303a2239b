/** Takes values out of a stream of bytes, also where a value comes in pieces: what a command was given in confidence is not what a model reads. */

/** Shorter ones would be found in everything. */
const shortest = 6;

export class Conceal {
  readonly #hidden: readonly (readonly [bytes: string, shown: string])[];
  #held = "";

  constructor(variables: Readonly<Record<string, string>>) {
    this.#hidden = Object.entries(variables)
      .filter(([, value]) => value.length >= shortest)
      .map(([name, value]) => [Buffer.from(value).toString("latin1"), `[${name}]`] as const)
      .sort(([a], [b]) => b.length - a.length);
  }

  /** What may go on of it; the beginning of a value is held back until it is clear whether it is one. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#hidden.length === 0) return bytes;
    let text = this.#held + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
    for (const [value, shown] of this.#hidden) text = text.replaceAll(value, () => shown);
    const held = this.#begun(text);
    this.#held = text.slice(text.length - held);
    return Buffer.from(text.slice(0, text.length - held), "latin1");
  }

  end(): Uint8Array {
    const rest = this.#held;
    this.#held = "";
    return Buffer.from(rest, "latin1");
  }

  #begun(text: string): number {
    const longest = Math.min(text.length, (this.#hidden[0]?.[0].length ?? 1) - 1);
    for (let length = longest; length > 0; length--) {
      const end = text.slice(text.length - length);
      if (this.#hidden.some(([value]) => value.startsWith(end))) return length;
    }
    return 0;
  }
}
