/** What a sender hides from the reader of an HTML text: it must not be read to a model that acts for the reader. */

const declarations = (style: string): Map<string, string> =>
  new Map(
    style
      .slice(0, 5_000)
      .replace(/\/\*[\s\S]*?(?:\*\/|$)/g, "")
      .split(";")
      .slice(0, 100)
      .map((one): [string, string] => {
        const colon = one.indexOf(":");
        const value = one.slice(colon + 1).toLowerCase();
        return [one.slice(0, Math.max(0, colon)).trim().toLowerCase(), value.replace("!important", "").trim()];
      }),
  );

const isNothing = (value: string | undefined) =>
  value !== undefined && /^[+-]?0*(?:\.0*)?(?:px|pt|em|rem|%|vh|vw)?$/.test(value) && /\d/.test(value);
const isFarAway = (value: string | undefined) => value !== undefined && /^-\d{3,}/.test(value);

/** A colour as one word: the same for every way to write it that mails use. */
function colour(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const hex = /^#([\da-f])([\da-f])([\da-f])([\da-f])?$/.exec(value);
  if (hex !== null)
    return colour(
      `#${hex
        .slice(1, 5)
        .map((digit) => (digit ?? "").repeat(2))
        .join("")}`,
    );
  const long = /^#([\da-f]{6})([\da-f]{2})?$/.exec(value);
  if (long !== null) return long[2] === "00" ? "transparent" : `#${long[1]}`;
  const numbers = /^rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)(?:[\s,/]+([\d.]+)(%?))?\s*\)$/.exec(value);
  if (numbers !== null) {
    if (numbers[4] !== undefined && Number(numbers[4]) === 0) return "transparent";
    return `#${numbers
      .slice(1, 4)
      .map((part) => Math.min(255, Number(part)).toString(16).padStart(2, "0"))
      .join("")}`;
  }
  return value === "white" ? "#ffffff" : value === "black" ? "#000000" : value;
}

/** Whether two colours cannot be told apart. */
function alike(a: string, b: string): boolean {
  const parts = (value: string) =>
    /^#(..)(..)(..)$/
      .exec(value)
      ?.slice(1)
      .map((part) => Number.parseInt(part, 16));
  const [one, other] = [parts(a), parts(b)];
  if (one === undefined || other === undefined) return a === b;
  return one.every((part, index) => Math.abs(part - other[index]!) <= 12);
}

/** What an element takes from those around it. */
export interface Looks {
  /** Nothing below can be seen. */
  readonly gone: boolean;
  /** These hold until an element below says otherwise. */
  readonly tiny: boolean;
  readonly invisible: boolean;
  readonly colour: string;
  /** `unknown` where nobody can say what stands behind the text. */
  readonly background: string;
}

export const PAGE: Looks = { gone: false, tiny: false, invisible: false, colour: "#000000", background: "#ffffff" };

export const isHidden = ({ gone, tiny, invisible, colour, background }: Looks): boolean =>
  gone || tiny || invisible || colour === "transparent" || alike(colour, background);

function isGone(of: ReadonlyMap<string, string>): boolean {
  const clipped = of.get("overflow")?.startsWith("hidden") ?? false;
  const opacity = of.get("opacity");
  return (
    of.get("display") === "none" ||
    (opacity !== undefined && Number.parseFloat(opacity) <= 0.05) ||
    of.get("mso-hide") === "all" ||
    isNothing(of.get("max-height")) ||
    isNothing(of.get("max-width")) ||
    (clipped && (isNothing(of.get("height")) || isNothing(of.get("width")))) ||
    isFarAway(of.get("text-indent")) ||
    (/absolute|fixed/.test(of.get("position") ?? "") && ["left", "top", "right", "bottom"].some((side) => isFarAway(of.get(side)))) ||
    /^rect\(\s*0|^inset\(\s*(?:50|100)%/.test(of.get("clip") ?? of.get("clip-path") ?? "") ||
    /scale\(\s*0/.test(of.get("transform") ?? "")
  );
}

function backgroundOf(of: ReadonlyMap<string, string>): string | undefined {
  const value = of.get("background-color") ?? of.get("background");
  if (value === undefined) return undefined;
  if (/url\(|gradient/.test(value + (of.get("background-image") ?? ""))) return "unknown";
  const shade = colour(/^(?:#[\da-f]+|rgba?\([^)]*\)|[a-z]+)/.exec(value)?.[0]);
  return shade === "transparent" || shade === "none" || shade === "inherit" ? undefined : (shade ?? "unknown");
}

/** How an element looks with this style, inside one that looks so. */
export function looksOf(style: string, around: Looks): Looks {
  if (style === "") return around;
  const of = declarations(style);
  const size = of.get("font-size");
  const visibility = of.get("visibility");
  const ink = colour(of.get("color"));
  return {
    gone: around.gone || isGone(of),
    tiny: size === undefined || size === "inherit" ? around.tiny : isNothing(size) || /^(?:0?\.\d+|1)px$/.test(size),
    invisible: visibility === undefined ? around.invisible : visibility === "hidden" || visibility === "collapse",
    colour: ink === undefined || ink === "inherit" ? around.colour : ink,
    background: backgroundOf(of) ?? around.background,
  };
}

export interface Sheet {
  /** Tags, `.class` and `#id` of what is hidden. */
  readonly hiding: ReadonlySet<string>;
  /** Of what has a background. */
  readonly painting: ReadonlySet<string>;
}

const MOST_SELECTORS = 2_000;

/**
 * What style sheets hide. Rules for small screens and for print hold for some readers alone, and are left out; of a selector with several
 * parts the last decides.
 */
export function sheetOf(sheets: string): Sheet {
  const [hiding, painting] = [new Set<string>(), new Set<string>()];
  const css = sheets.slice(0, 100_000).replace(/\/\*[\s\S]*?(?:\*\/|$)/g, "");
  /** For each block around a rule, whether it holds for some readers alone. */
  const conditions: boolean[] = [];
  let prelude = "";
  for (const [, text = "", sign = ""] of css.matchAll(/([^{};]*)([{};]|$)/g)) {
    if (sign === "{") {
      if (/^\s*@/.test(text)) conditions.push(/width|height|print|prefers|orientation/i.test(text));
      else prelude = text;
    } else if (sign === "}" && prelude === "") conditions.pop();
    if (prelude === "" || sign === "{") continue;
    if (!conditions.includes(true)) {
      const of = declarations(text);
      const hides = isGone(of) || /hidden|collapse/.test(of.get("visibility") ?? "");
      const paints = [...of.keys()].some((name) => name.startsWith("background"));
      for (const selector of hides || paints ? prelude.split(",").slice(0, 100) : []) {
        const last = /(?:[.#][\w-]+|^[\w-]+|\s[\w-]+)$/.exec(selector.trim())?.[0].trim().toLowerCase();
        if (last === undefined || hiding.size + painting.size > MOST_SELECTORS) continue;
        if (hides) hiding.add(last);
        if (paints) painting.add(last);
      }
    }
    if (sign === "}") prelude = "";
  }
  return { hiding, painting };
}
