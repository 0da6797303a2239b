/** Names that look like one that is not known. */
import { distance } from "@pincer/plugin-sdk/suggestion";

const MOST_NAMED = 3;
/** Longer than the name of any model. Comparing takes the one length times the other. */
const LONGEST = 256;

/** At most three, the nearest first: those that contain the wanted name, and those that a slip of the hand makes of it. */
export function nearest(wanted: string, known: Iterable<string>): readonly string[] {
  if (wanted.length > LONGEST) return [];
  const asked = wanted.toLowerCase();
  const limit = Math.max(2, Math.floor(asked.length / 4));
  const found: (readonly [string, number])[] = [];
  for (const name of new Set(known)) {
    const plain = name.toLowerCase();
    const model = plain.slice(plain.indexOf("/") + 1);
    const far = Math.min(distance(asked, plain), distance(asked, model));
    if (far <= limit) found.push([name, far]);
    else if (asked.length >= 3 && plain.includes(asked)) found.push([name, limit + plain.length - asked.length]);
  }
  return found
    .sort(([a, near], [b, far]) => near - far || (a < b ? -1 : 1))
    .slice(0, MOST_NAMED)
    .map(([name]) => name);
}
