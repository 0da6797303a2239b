/** XML of office documents, tag by tag. No entity but the five of XML itself and numbers is replaced, so that nothing grows. */

export interface XmlTag {
  /** With its prefix: `w:t`. */
  readonly name: string;
  readonly isEnd: boolean;
  /** `<w:br/>`: nothing ends it. */
  readonly isEmpty: boolean;
  attribute(name: string): string | undefined;
}

/** Of all attributes of a tag, what is looked at: long ones are never those that are asked for. */
const ATTRIBUTES = 4_000;

const named: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

const codePoint = (digits: string): string => {
  const code = digits.startsWith("x") ? Number.parseInt(digits.slice(1), 16) : Number.parseInt(digits, 10);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code).toWellFormed() : "";
};

const unescaped = (text: string): string =>
  text.includes("&")
    ? text.replace(/&(?:#(x[0-9a-f]{1,6}|\d{1,7})|(\w{2,4}));/gi, (whole, number: string | undefined, name: string) =>
        number === undefined ? (named[name] ?? whole) : codePoint(number.toLowerCase()),
      )
    : text;

function tagOf(inside: string): XmlTag {
  const isEnd = inside.startsWith("/");
  const isEmpty = inside.endsWith("/");
  const body = inside.slice(isEnd ? 1 : 0, isEmpty ? -1 : undefined);
  const space = body.search(/\s/);
  const name = space < 0 ? body : body.slice(0, space);
  const attributes = space < 0 ? "" : body.slice(space, space + ATTRIBUTES);
  return {
    name,
    isEnd,
    isEmpty,
    attribute(wanted) {
      for (const [, key, double, single] of attributes.matchAll(/([^\s=]{1,100})\s?=\s?(?:"([^"]*)"|'([^']*)')/g)) {
        if (key === wanted) return unescaped(double ?? single ?? "");
      }
      return undefined;
    },
  };
}

/** The end of a tag, where a `>` inside an attribute does not count; each character is looked at once. */
function endOfTag(xml: string, from: number): number {
  for (let at = from; at < xml.length; at++) {
    const letter = xml[at];
    if (letter === ">") return at;
    if (letter !== '"' && letter !== "'") continue;
    at = xml.indexOf(letter, at + 1);
    if (at < 0) return -1;
  }
  return -1;
}

/** Text as a string, everything else as a tag; comments and declarations are left out. Ends where the XML is broken. */
export function* xmlParts(xml: string): Generator<string | XmlTag, void, void> {
  let at = 0;
  while (at < xml.length) {
    const open = xml.indexOf("<", at);
    if (open !== at) {
      const text = xml.slice(at, open < 0 ? undefined : open);
      if (text !== "") yield unescaped(text);
      if (open < 0) return;
    }
    const skipped = xml.startsWith("<!--", open)
      ? "-->"
      : xml.startsWith("<![CDATA[", open)
        ? "]]>"
        : xml.startsWith("<?", open)
          ? "?>"
          : undefined;
    const end = skipped === undefined ? endOfTag(xml, open + 1) : xml.indexOf(skipped, open + 2);
    if (end < 0) return;
    if (skipped === "]]>") yield xml.slice(open + 9, end);
    else if (skipped === undefined && xml[open + 1] !== "!") yield tagOf(xml.slice(open + 1, end));
    at = end + (skipped?.length ?? 1);
  }
}
