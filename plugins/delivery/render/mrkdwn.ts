/** Slack's mrkdwn. It has no sign that takes a mark's meaning away: what looks like one is kept apart from its neighbour instead. */
import { APART, isWordChar, type Markup, withoutFences } from "./markup.ts";

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const entities = (text: string) => text.replace(/[&<>]/g, (char) => ENTITIES[char]!);
const SPANS = { bold: "*", italic: "_", strike: "~" } as const;

export const mrkdwn: Markup = {
  marks: ["bold", "italic", "strike", "code", "code-block", "link", "quote"],
  ascii: false,
  text(text, { before, after }) {
    if (/^[*_~`]$/.test(text) && before === "" && after === "") return text;
    const apart = text.replace(/[*_~`]/g, (char, index: number) =>
      char !== "`" && isWordChar(text[index - 1] ?? before) && isWordChar(text[index + 1] ?? after) ? char : `${char}${APART}`,
    );
    return entities(apart.startsWith(">") ? APART + apart : apart);
  },
  startsBlock: () => false,
  span(span, { before, after }) {
    const sign = SPANS[span];
    return { open: isWordChar(before) ? APART + sign : sign, close: isWordChar(after) ? sign + APART : sign };
  },
  code: (text) => (text.includes("`") ? undefined : { open: "`", close: "`" }),
  verbatim: withoutFences,
  codeText: entities,
  codeBlock: () => ({ open: "```", close: "```", ownLines: true }),
  link: (url) => ({ open: `<${entities(url)}|`, close: ">" }),
  bareLink: (url) => `<${entities(url)}>`,
  cell: (text) => text,
  row: (cells) => cells.join(" | "),
  blocks: { heading: () => "", rule: "", bullet: "• ", tableRule: () => "" },
};
