/** HTML as browsers read it, as far as its text needs: tags, attributes, text, and what has no text for a reader. */

export type HtmlToken =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "open"; readonly name: string; readonly attributes: ReadonlyMap<string, string>; readonly empty: boolean }
  | { readonly kind: "close"; readonly name: string }
  /** The text of a style sheet. */
  | { readonly kind: "style"; readonly text: string };

/** Elements whose content is no text for a reader. */
const DROPPED = new Set([
  "script",
  "style",
  "template",
  "iframe",
  "noembed",
  "noframes",
  "object",
  "audio",
  "video",
  "canvas",
  "svg",
  "math",
  "title",
  "textarea",
  "select",
  "xmp",
]);
const EMPTY = new Set(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]);

/** Named characters that mails are written with; others stay as they were written. */
const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  ensp: " ",
  emsp: " ",
  thinsp: " ",
  shy: "",
  zwnj: "",
  zwj: "\u200d",
  lrm: "",
  rlm: "",
  ndash: "–",
  mdash: "—",
  hellip: "…",
  bull: "•",
  middot: "·",
  lsquo: "‘",
  rsquo: "’",
  sbquo: "‚",
  ldquo: "“",
  rdquo: "”",
  bdquo: "„",
  laquo: "«",
  raquo: "»",
  lsaquo: "‹",
  rsaquo: "›",
  euro: "€",
  pound: "£",
  cent: "¢",
  yen: "¥",
  copy: "©",
  reg: "®",
  trade: "™",
  deg: "°",
  sect: "§",
  para: "¶",
  times: "×",
  divide: "÷",
  plusmn: "±",
  frac12: "½",
  frac14: "¼",
  frac34: "¾",
  sup2: "²",
  sup3: "³",
  micro: "µ",
  larr: "←",
  rarr: "→",
  uarr: "↑",
  darr: "↓",
  check: "✓",
  agrave: "à",
  aacute: "á",
  acirc: "â",
  atilde: "ã",
  auml: "ä",
  aring: "å",
  aelig: "æ",
  ccedil: "ç",
  egrave: "è",
  eacute: "é",
  ecirc: "ê",
  euml: "ë",
  igrave: "ì",
  iacute: "í",
  icirc: "î",
  iuml: "ï",
  ntilde: "ñ",
  ograve: "ò",
  oacute: "ó",
  ocirc: "ô",
  otilde: "õ",
  ouml: "ö",
  oslash: "ø",
  ugrave: "ù",
  uacute: "ú",
  ucirc: "û",
  uuml: "ü",
  yacute: "ý",
  szlig: "ß",
  Agrave: "À",
  Aacute: "Á",
  Acirc: "Â",
  Atilde: "Ã",
  Auml: "Ä",
  Aring: "Å",
  AElig: "Æ",
  Ccedil: "Ç",
  Egrave: "È",
  Eacute: "É",
  Ecirc: "Ê",
  Euml: "Ë",
  Ntilde: "Ñ",
  Oacute: "Ó",
  Ocirc: "Ô",
  Ouml: "Ö",
  Oslash: "Ø",
  Uacute: "Ú",
  Uuml: "Ü",
}; // prettier-keep

export function decoded(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|([a-zA-Z][a-zA-Z0-9]{1,31}));?/g,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined)
        return whole.endsWith(";") || ["amp", "lt", "gt", "quot", "nbsp"].includes(name) ? (NAMED[name] ?? whole) : whole;
      const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
      return code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? "\ufffd" : String.fromCodePoint(code);
    },
  );
}

const ATTRIBUTE = /([^\s"'<>/=]{1,100})(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+)))?/g;

function attributesOf(text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const [, name = "", double, single, bare] of text.matchAll(ATTRIBUTE)) {
    const key = name.toLowerCase();
    // The first one of a name counts, as in a browser.
    if (!attributes.has(key) && attributes.size < 50) attributes.set(key, decoded(double ?? single ?? bare ?? ""));
  }
  return attributes;
}

/** Where the tag that begins there ends: a `>` in a quoted value does not end it. */
function tagEnd(html: string, from: number): number {
  let quote = "";
  for (let at = from; at < html.length; at++) {
    const char = html[at]!;
    if (quote !== "") {
      if (char === quote) quote = "";
    } else if (char === ">") return at;
    else if ((char === '"' || char === "'") && /=\s*$/.test(html.slice(Math.max(from, at - 8), at))) quote = char;
  }
  return html.length;
}

/** Each character is read once: what is not closed goes on to the end. */
export function* htmlTokens(html: string): Generator<HtmlToken> {
  // Of other letters some grow, and what stands behind them would be looked for in the wrong place.
  const lower = html.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  let at = 0;
  while (at < html.length) {
    const open = html.indexOf("<", at);
    if (open !== at) yield { kind: "text", text: decoded(html.slice(at, open < 0 ? html.length : open)) };
    if (open < 0) return;
    const next = html[open + 1] ?? "";
    if (html.startsWith("<!--", open)) {
      const end = html.indexOf("-->", open + 2);
      at = end < 0 ? html.length : end + 3;
    } else if (next === "!" || next === "?" || (next === "/" && !/[a-zA-Z]/.test(html[open + 2] ?? ""))) {
      const end = html.indexOf(">", open);
      at = end < 0 ? html.length : end + 1;
    } else if (!/[a-zA-Z/]/.test(next)) {
      yield { kind: "text", text: "<" };
      at = open + 1;
    } else {
      const end = tagEnd(html, open + 1);
      const [, slash = "", name = ""] = /^<(\/?)([a-zA-Z][^\s/>]{0,60})/.exec(html.slice(open, open + 64)) ?? [];
      const element = name.toLowerCase();
      const inner = html.slice(open + 1 + slash.length + name.length, end);
      at = end + 1;
      if (slash !== "") yield { kind: "close", name: element };
      else if (DROPPED.has(element) && !inner.endsWith("/")) {
        const close = lower.indexOf(`</${element}`, at);
        if (element === "style") yield { kind: "style", text: html.slice(at, close < 0 ? html.length : close) };
        const after = close < 0 ? -1 : html.indexOf(">", close);
        at = after < 0 ? html.length : after + 1;
      } else yield { kind: "open", name: element, attributes: attributesOf(inner), empty: EMPTY.has(element) };
    }
  }
}
