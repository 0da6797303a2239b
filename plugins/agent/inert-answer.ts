/**
 * An answer that was written with text of strangers in view shows no picture from elsewhere: a client that fetched it would carry what stands
 * in its address to whoever serves it. What would be a picture is left as a link, which a person must follow. What comes out is the same in
 * whatever pieces the text comes in.
 */
import type { AssistantMessage } from "@pincer/plugin-sdk/message";

/** A picture's text, or a definition's name, is never longer than this; what goes on further is taken for one. */
const longest = 4_000;
/** What a client that shows HTML fetches by itself. */
const fetching =
  /^<\/?(?:img|image|picture|source|video|audio|track|iframe|frame|object|embed|svg|link|style|input|body|table|td|th|base|meta|script)(?![a-z0-9_-])/i;
const tagInParts = /^<\/?[a-z]{0,8}$/i;
const suspicious = /!\[|!$|<|(?<=(?:^|\n)[ \t>*+-]*)\[/;

export class InertAnswer {
  #held = "";
  /** What has gone out ends at the beginning of a line, as far as marks of lists and quotations go. */
  #line = "\n";

  /** What of it, and of what was held back, may go out. */
  push(text: string): string {
    this.#held += text;
    return this.#take(false);
  }

  /** The rest, at the end of the answer. */
  end(): string {
    return this.#take(true);
  }

  #take(isLast: boolean): string {
    let out = "";
    const pass = (length: number, as?: string) => {
      const piece = this.#held.slice(0, length);
      out += as ?? piece;
      this.#line = (this.#line + piece).slice(-200);
      this.#held = this.#held.slice(length);
    };
    while (this.#held !== "") {
      const at = this.#next();
      if (at > 0) pass(at);
      if (this.#held === "") break;
      const verdict = this.#judge(isLast);
      if (verdict === undefined) break;
      pass(verdict.length, verdict.as);
    }
    return out;
  }

  /** Where in what is held the next thing stands that has to be looked at. */
  #next(): number {
    const line = this.#line.slice(this.#line.lastIndexOf("\n") + 1);
    const start = /^[ \t>*+-]*$/.test(line) ? `\n${line}` : "x";
    const found = suspicious.exec(start + this.#held);
    const at = found === null ? this.#held.length : found.index - start.length;
    return Math.max(0, at);
  }

  /** What becomes of the beginning of what is held; undefined while that depends on what comes. */
  #judge(isLast: boolean): { readonly length: number; readonly as: string } | undefined {
    const held = this.#held;
    const first = held[0] ?? "";
    const kept = { length: 1, as: first };
    if (first === "<") {
      if (!isLast && tagInParts.test(held)) return undefined;
      return fetching.test(held) ? { length: 1, as: "&lt;" } : kept;
    }
    if (first === "!") {
      if (held.length === 1) return isLast ? kept : undefined;
      const window = held.slice(0, longest);
      const picture = /\][([]/.exec(window)?.index ?? Number.POSITIVE_INFINITY;
      const paragraph = /\n[ \t]*\n/.exec(window)?.index ?? Number.POSITIVE_INFINITY;
      if (picture < paragraph || (paragraph === Number.POSITIVE_INFINITY && held.length >= longest)) return { length: 1, as: "" };
      return isLast || paragraph < Number.POSITIVE_INFINITY ? { length: 2, as: "![" } : undefined;
    }
    const name = /^\[(?:[^\]\\]|\\[\s\S])*\]/.exec(held.slice(0, longest))?.[0];
    if (name === undefined) return isLast || held.length >= longest || /\n[ \t]*\n/.test(held) ? kept : undefined;
    if (held.length === name.length && !isLast) return undefined;
    return held[name.length] === ":" ? { length: 1, as: "\\[" } : kept;
  }
}

/** The same of an answer that is whole. */
export function inertAnswer(message: AssistantMessage): AssistantMessage {
  const inert = new InertAnswer();
  const last = message.content.findLastIndex(({ type }) => type === "text");
  const content = message.content.map((block, index) =>
    block.type === "text" ? { ...block, text: inert.push(block.text) + (index === last ? inert.end() : "") } : block,
  );
  return { ...message, content };
}
