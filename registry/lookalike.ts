/** Names that somebody takes for another: a slip of the keys, or somebody who waits for one. */

export interface KnownName {
  readonly id: string;
  readonly publisher?: string;
  /** How often it was downloaded, where that is known. */
  readonly downloads?: number;
}

export interface Lookalike {
  /** What was meant, likely. */
  readonly id: string;
  readonly publisher?: string | undefined;
  /** How the two differ, for people. */
  readonly why: string;
}

/** Of how much more use the other must be, where that is known of both: nobody imitates what nobody uses. */
const moreUsed = 10;

/** What a name says of the kind of thing; two of different kinds are different things of the same service. */
const kinds = new Set(["channel", "provider", "tool", "transcriber", "speech", "memory", "embedder", "sandbox", "skill"]);
/** What somebody adds who wants to seem the real one. */
const fillers = new Set([
  "js",
  "ts",
  "bun",
  "node",
  "official",
  "original",
  "real",
  "plugin",
  "pincer",
  "openclaw",
  "the",
  "app",
  "latest",
  "new",
  "free",
]);

/** Signs that are read for one another, longest first. */
const alike: readonly (readonly [RegExp, string])[] = [
  [/rn/g, "m"],
  [/vv/g, "w"],
  [/0/g, "o"],
  [/[1i]/g, "l"],
  [/3/g, "e"],
  [/4/g, "a"],
  [/5/g, "s"],
  [/7/g, "t"],
];

interface Form {
  readonly id: string;
  readonly kind: string | undefined;
  /** The words that carry it, joined. */
  readonly core: string;
  /** The same as somebody sees it who does not look closely. */
  readonly seen: string;
  /** And in whatever order. */
  readonly sorted: string;
  /** Which signs are in its core. */
  readonly signs: number;
}

const singular = (word: string): string => (word.length > 3 && word.endsWith("s") && !word.endsWith("ss") ? word.slice(0, -1) : word);

function formOf(id: string): Form {
  const words = id.split("-");
  const kind = words.map(singular).find((word) => kinds.has(word));
  const carrying = words.filter((word) => !fillers.has(word) && !kinds.has(singular(word)));
  const core = (carrying.length > 0 ? carrying : words).join("");
  const seenWords = (carrying.length > 0 ? carrying : words).map((word) =>
    alike.reduce((text, [sign, other]) => text.replace(sign, other), singular(word)).replace(/(.)\1+/g, "$1"),
  );
  let signs = 0;
  for (let at = 0; at < core.length; at++) signs |= 1 << (core.charCodeAt(at) % 31);
  return { id, kind, core, seen: seenWords.join(""), sorted: [...seenWords].sort().join("-"), signs };
}

/** Rows of a keyboard: what lies beside a key is hit by mistake. */
const keys = ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"];
const neighbours = new Set(
  keys.flatMap((row) => [...row].slice(1).flatMap((key, index) => [`${row[index]}${key}`, `${key}${row[index]}`])),
);

/** In a name of that length: how many slips still leave it alike. In a short one any makes another word, but for two letters that change places. */
const slipsIn = (length: number): number => (length < 5 ? 0 : length < 12 ? 1 : 2);
/** From this length on any other sign is a slip; in a shorter one only that of a key beside. */
const longEnoughForAny = 8;

export interface LookalikeFinder {
  /** The likeliest; undefined for a name that is like no other. */
  find(asked: KnownName): Lookalike | undefined;
  /** Those that are new among them; the others are known by now. */
  add(known: Iterable<KnownName>): void;
}

/** Over all names that there are; some hundred thousand are no burden. */
export function createLookalikes(known: Iterable<KnownName>): LookalikeFinder {
  const all = new Map<string, { readonly name: KnownName; readonly form: Form }>();
  const add: LookalikeFinder["add"] = (names) => {
    for (const name of names) {
      const place = `${name.id} ${name.publisher ?? ""}`;
      if (!all.has(place)) all.set(place, { name, form: formOf(name.id) });
    }
  };
  add(known);
  return {
    add,
    find(asked) {
      const form = formOf(asked.id);
      let best: { readonly name: KnownName; readonly rank: number; readonly why: string } | undefined;
      for (const { name, form: other } of all.values()) {
        if (name.id === asked.id || (asked.publisher !== undefined && name.publisher === asked.publisher)) continue;
        if ((asked.downloads ?? 0) * moreUsed > (name.downloads ?? Number.POSITIVE_INFINITY)) continue;
        const found = difference(form, other);
        if (!found) continue;
        const isBetter =
          !best || found.rank < best.rank || (found.rank === best.rank && (name.downloads ?? 0) > (best.name.downloads ?? 0));
        if (isBetter) best = { name, ...found };
      }
      return best && { id: best.name.id, publisher: best.name.publisher, why: best.why };
    },
  };
}

function difference(asked: Form, other: Form): { readonly rank: number; readonly why: string } | undefined {
  if (asked.kind !== other.kind && asked.kind !== undefined && other.kind !== undefined) return undefined;
  if (asked.core === other.core) return { rank: 0, why: "the same words, with others around them" };
  if (asked.seen === other.seen) return { rank: 1, why: "signs that look alike" };
  if (asked.sorted === other.sorted) return { rank: 1, why: "the same words in another order" };
  // A slip in the word that says the kind.
  if (asked.kind === undefined && other.kind !== undefined && slipsBetween(asked.id, other.id, 1) !== undefined)
    return { rank: 2, why: "one slip of the keys" };
  const most = slipsIn(Math.min(asked.core.length, other.core.length));
  if (most === 0 && isChangedRound(asked.core, other.core)) return { rank: 2, why: "two letters that change places" };
  if (bitsIn(asked.signs ^ other.signs) > 2 * most) return undefined;
  const slips = slipsBetween(asked.core, other.core, most);
  if (slips === undefined) return undefined;
  return { rank: 1 + slips, why: slips === 1 ? "one slip of the keys" : `${slips} slips of the keys` };
}

/** Two signs beside each other, and nothing else. */
function isChangedRound(a: string, b: string): boolean {
  if (a.length !== b.length || a.length < 3) return false;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return a[at] === b[at + 1] && a[at + 1] === b[at] && a[at] !== a[at + 1] && a.slice(at + 2) === b.slice(at + 2);
}

function bitsIn(bits: number): number {
  let left = bits;
  let count = 0;
  for (; left !== 0; left &= left - 1) count++;
  return count;
}

/** Whether somebody who typed the one likely meant the other. */
export const isSlipOf = (typed: string, meant: string): boolean =>
  isChangedRound(typed, meant) || slipsBetween(typed, meant, Math.max(1, slipsIn(typed.length))) !== undefined;

/** Optimal string alignment: one put in, left out, hit beside, or two changed round; undefined beyond `most`. */
function slipsBetween(a: string, b: string, most: number): number | undefined {
  if (Math.abs(a.length - b.length) > most) return undefined;
  const isLong = Math.min(a.length, b.length) >= longEnoughForAny;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_cost, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const [x, y] = [a[i - 1]!, b[j - 1]!];
      const change = x === y ? 0 : isLong || neighbours.has(x + y) ? 1 : 2;
      let cost = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + change);
      if (i > 1 && j > 1 && x === b[j - 2] && a[i - 2] === y) cost = Math.min(cost, before[j - 2]! + 1);
      next.push(cost);
      least = Math.min(least, cost);
    }
    if (least > most) return undefined;
    [before, row] = [row, next];
  }
  const slips = row[b.length]!;
  return slips <= most ? slips : undefined;
}
