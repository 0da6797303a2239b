/** Text without marks, in ASCII but for what was written: a single other character doubles the price of a short message. */
import type { Markup } from "./markup.ts";

const none = { open: "", close: "" } as const;

export const plain: Markup = {
  marks: [],
  ascii: true,
  text: (text) => text,
  startsBlock: () => false,
  span: () => none,
  code: () => none,
  verbatim: (text) => text,
  codeText: (text) => text,
  codeBlock: () => ({ ...none, ownLines: false }),
  link: () => none,
  bareLink: (_url, label) => label,
  cell: (text) => text,
  row: (cells) => cells.join(" | "),
  blocks: { heading: () => "", rule: "", bullet: "- ", tableRule: () => "" },
};
