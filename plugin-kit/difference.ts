/** In what one value of JSON differs from another, place by place, for a person to read. */

/** Enough to see what was changed; who wants more looks at the diff of the file. */
const mostLines = 5;
const mostChars = 60;

/** At most a handful of lines, each with the place and what stands there; none when the two say the same. */
export function differenceOf(before: unknown, after: unknown): readonly string[] {
  const lines = [...differences(before, after, "")];
  return lines.length <= mostLines ? lines : [...lines.slice(0, mostLines), `... and ${lines.length - mostLines} more`];
}

function* differences(before: unknown, after: unknown, at: string): Generator<string, void, void> {
  if (Bun.deepEquals(before, after)) return;
  if (!isTree(before) || !isTree(after) || Array.isArray(before) !== Array.isArray(after)) {
    if (before === undefined) yield `${at}: only the code has it`;
    else if (after === undefined) yield `${at}: the code no longer has it`;
    else yield `${at}: ${shown(before)}, in the code ${shown(after)}`;
    return;
  }
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
    yield* differences(before[key], after[key], at === "" ? key : `${at}/${key}`);
}

const isTree = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null;

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= mostChars ? text : `${text.slice(0, mostChars)}...`;
}
