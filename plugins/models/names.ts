/** Names that look like one that is not known. */

/** How many letters must be changed to get from one to the other; more than `limit` counts as `limit + 1`. */
function distance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) > limit) return limit + 1;
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let at = 1; at <= from.length; at++) {
    const next = [at];
    for (let column = 1; column <= to.length; column++) {
      const same = from[at - 1] === to[column - 1] ? 0 : 1;
      next.push(Math.min((row[column - 1] as number) + same, (row[column] as number) + 1, (next[column - 1] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}

const MOST_NAMED = 3;

/** At most three, the nearest first: those that contain the wanted name, and those that a slip of the hand makes of it. */
export function nearest(wanted: string, known: Iterable<string>): readonly string[] {
  const asked = wanted.toLowerCase();
  const limit = Math.max(2, Math.floor(asked.length / 4));
  const found: (readonly [string, number])[] = [];
  for (const name of new Set(known)) {
    const plain = name.toLowerCase();
    const model = plain.slice(plain.indexOf("/") + 1);
    const far = Math.min(distance(asked, plain, limit), distance(asked, model, limit));
    if (far <= limit) found.push([name, far]);
    else if (asked.length >= 3 && plain.includes(asked)) found.push([name, limit + plain.length - asked.length]);
  }
  return found
    .sort(([a, near], [b, far]) => near - far || (a < b ? -1 : 1))
    .slice(0, MOST_NAMED)
    .map(([name]) => name);
}
