/** Characters that nobody sees, in which text can be written that only a model reads. */

/** Zero-width and control characters, marks of direction, and the tags that repeat ASCII. What joins letters and emoji stays. */
const INVISIBLE =
  /[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\u034f|[\u{e0000}-\u{e0fff}]|(?![\n\t\r])\p{Cc}/gu;

/** The text that a reader sees; well-formed, with `\n` at the ends of lines. */
export const visibleText = (text: string): string =>
  text
    .toWellFormed()
    .replace(INVISIBLE, "")
    .replace(/\r\n?|[\u2028\u2029]/g, "\n");
