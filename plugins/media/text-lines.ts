/** Text that is put together from very many pieces, where what was written last may still be changed. */

export class TextLines {
  readonly #pieces: string[] = [];
  length = 0;

  write(text: string): void {
    if (text === "") return;
    this.#pieces.push(text);
    this.length += text.length;
  }

  /** Goes on in the same line behind `text`, where a cell has just ended with its paragraph. */
  join(text: string): void {
    if (this.#pieces.at(-1) === "\n") {
      this.#pieces.pop();
      this.length -= 1;
    }
    this.write(text);
  }

  toString(): string {
    return this.#pieces
      .join("")
      .split("\n")
      .map((line) => line.trimEnd())
      .join("\n")
      .replace(/\n{3,}/g, "\n\n")
      .trim();
  }
}
