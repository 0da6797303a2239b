/** What is longer is no slip of the hand, and to compare it would take as long as somebody wants it to. */
const longest = 200;

/** `; did you mean "port"?` when one of the names is near, else nothing. */
export function suggestion(name: string, names: readonly string[]): string {
  if (name.length > longest) return "";
  const nearest = names.map((other) => [distance(name.toLowerCase(), other.toLowerCase()), other] as const).sort((a, b) => a[0] - b[0])[0];
  return nearest && nearest[0] <= Math.max(1, Math.floor(name.length / 3)) ? `; did you mean "${nearest[1]}"?` : "";
}

/** How many letters must be inserted, removed, replaced or swapped with their neighbour; of texts that are too long to be compared, infinitely many. */
export function distance(a: string, b: string): number {
  if (Math.max(a.length, b.length) > longest) return Number.POSITIVE_INFINITY;
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? rows[i - 2]![j - 2]! + 1 : Infinity;
      row.push(Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1), swap));
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
