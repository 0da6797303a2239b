/** What a process wrote: all of it counted, its beginning and its end kept, so that no output grows without end (#86214). */

export class Output {
  #head: Uint8Array = new Uint8Array();
  readonly #tail: Uint8Array[] = [];
  #tailLength = 0;
  #total = 0;

  constructor(
    private readonly headBytes: number,
    private readonly tailBytes: number,
  ) {}

  get total(): number {
    return this.#total;
  }

  push(chunk: Uint8Array): void {
    this.#total += chunk.length;
    const room = this.headBytes - this.#head.length;
    if (room > 0) this.#head = Buffer.concat([this.#head, chunk.subarray(0, room)]);
    const rest = chunk.subarray(Math.max(0, room));
    if (rest.length === 0) return;
    this.#tail.push(rest.slice(-this.tailBytes));
    this.#tailLength += Math.min(rest.length, this.tailBytes);
    while (this.#tailLength - this.#tail[0]!.length >= this.tailBytes) this.#tailLength -= this.#tail.shift()!.length;
  }

  /** The bytes from `cursor` on that are kept, and how many between are lost. */
  #from(cursor: number): { before: Uint8Array; lost: number; after: Uint8Array } {
    const tail = Buffer.concat(this.#tail).subarray(-this.tailBytes);
    const tailStart = this.#total - tail.length;
    const before = this.#head.subarray(Math.min(cursor, this.#head.length));
    const after = tail.subarray(Math.max(0, cursor - tailStart));
    return { before, lost: Math.max(0, tailStart - Math.max(cursor, this.#head.length)), after };
  }

  /** What was written since `cursor`, for a model to read. */
  text(cursor = 0): string {
    const { before, lost, after } = this.#from(cursor);
    if (lost === 0) return readable(Buffer.concat([before, after]));
    return `${readable(before)}\n[… ${lost} bytes left out …]\n${readable(after)}`;
  }
}

const [bell, esc] = ["\u0007", "\u001b"];
/** Sequences of terminals: colours and cursor movements, titles, and the short ones. */
const sequences = new RegExp(
  [`${esc}\\[[0-?]*[ -/]*[@-~]`, `${esc}\\][^${bell}${esc}]*(?:${bell}|${esc}\\\\)?`, `${esc}[@-Z\\\\^_]`].join("|"),
  "g",
);
const controls = /[^\P{Cc}\n\t]/gu;

/** Text without colours and cursor movements; of a line that was overwritten, as progress bars do, what stood there last. */
function readable(bytes: Uint8Array): string {
  let start = 0;
  // A character that was cut in two at the beginning is left out.
  while (start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  const text = new TextDecoder().decode(bytes.subarray(start)).replaceAll(sequences, "").replaceAll("\r\n", "\n");
  const lines = text.includes("\r")
    ? text.split("\n").map((line) =>
        line
          .split("\r")
          .filter((part) => part !== "")
          .at(-1),
      )
    : [text];
  return lines.join("\n").replaceAll(controls, "");
}
