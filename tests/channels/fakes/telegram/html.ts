/**
 * Reads Telegram's HTML as the Bot API does (core.telegram.org/bots/api#html-style): few elements, well nested, every other `<` refused. Offsets
 * and lengths are UTF-16 code units.
 */

export interface Entity {
  readonly type: string;
  readonly offset: number;
  readonly length: number;
  readonly url?: string;
  readonly language?: string;
}

export class Unparsed extends Error {}

const elements: Readonly<Record<string, string>> = {
  b: "bold",
  strong: "bold",
  i: "italic",
  em: "italic",
  u: "underline",
  ins: "underline",
  s: "strikethrough",
  strike: "strikethrough",
  del: "strikethrough",
  code: "code",
  pre: "pre",
  a: "text_link",
  blockquote: "blockquote",
  "tg-spoiler": "spoiler",
  span: "spoiler",
};
const named: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"' };

const decode = (text: string): string =>
  text.replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));?/gi, (whole, decimal: string, hex: string, name: string) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return named[name] ?? whole;
  });

interface Open {
  readonly tag: string;
  readonly at: number;
  readonly attributes: string;
}

const attribute = (attributes: string, name: string): string | undefined => {
  const found = new RegExp(`${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, "i").exec(attributes);
  return found ? decode(found[1] ?? found[2] ?? found[3] ?? "") : undefined;
};

/** Throws `Unparsed` with what the Bot API says. */
export function parseHtml(html: string): { readonly text: string; readonly entities: readonly Entity[] } {
  const entities: Entity[] = [];
  const open: Open[] = [];
  let text = "";
  let at = 0;
  const place = () => Buffer.byteLength(html.slice(0, at));
  while (at < html.length) {
    const next = html.indexOf("<", at);
    text += decode(html.slice(at, next < 0 ? html.length : next));
    if (next < 0) break;
    at = next;
    const closing = /^<\/([a-z-]*)\s*>/i.exec(html.slice(at));
    const opening = /^<([a-z-]+)((?:\s[^<>]*)?)>/i.exec(html.slice(at));
    if (closing) {
      const last = open.pop();
      if (!last) throw new Unparsed(`Unexpected end tag at byte offset ${place()}`);
      if (closing[1] !== "" && closing[1]?.toLowerCase() !== last.tag) {
        throw new Unparsed(`Unmatched end tag at byte offset ${place()}, expected "</${last.tag}>", found "${closing[0]}"`);
      }
      const entity = entityOf(last, text);
      if (entity) entities.push(entity);
      at += closing[0].length;
      continue;
    }
    const tag = opening?.[1]?.toLowerCase();
    if (!opening || tag === undefined) throw new Unparsed(`Unclosed start tag at byte offset ${place()}`);
    if (!Object.hasOwn(elements, tag) || (tag === "span" && attribute(opening[2] ?? "", "class") !== "tg-spoiler")) {
      throw new Unparsed(`Unsupported start tag "${tag}" at byte offset ${place()}`);
    }
    open.push({ tag, at: text.length, attributes: opening[2] ?? "" });
    at += opening[0].length;
  }
  const unclosed = open.at(-1);
  if (unclosed) throw new Unparsed(`Can't find end tag corresponding to start tag "${unclosed.tag}"`);
  return { text, entities: entities.toSorted((a, b) => a.offset - b.offset || b.length - a.length) };
}

function entityOf({ tag, at, attributes }: Open, text: string): Entity | undefined {
  const length = text.length - at;
  if (length === 0) return undefined;
  const url = tag === "a" ? attribute(attributes, "href") : undefined;
  if (tag === "a" && url === undefined) return undefined;
  const language = tag === "code" ? /language-(\S+)/.exec(attribute(attributes, "class") ?? "")?.[1] : undefined;
  return { type: elements[tag]!, offset: at, length, ...(url !== undefined && { url }), ...(language !== undefined && { language }) };
}
