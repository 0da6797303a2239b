/** The part of a file that looks most like what somebody expected to find there, so that a refusal can show the difference. */

interface Nearest {
  /** Of the first line, from 1. */
  readonly line: number;
  readonly text: string;
}

const mostLines = 20_000;
const mostWanted = 60;
const wanting = 0.4;

/** From 0 to 1: what two lines share at their beginning and end, whatever their indentation. */
function likeness(a: string, b: string): number {
  if (a === b) return 1;
  const longest = Math.max(a.length, b.length);
  const shortest = Math.min(a.length, b.length);
  let head = 0;
  while (head < shortest && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < shortest - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  return (head + tail) / longest;
}

export function nearest(text: string, expected: string): Nearest | undefined {
  const lines = text.split(/\r?\n/).slice(0, mostLines);
  const plain = lines.map((line) => line.trim());
  const all = expected.split(/\r?\n/);
  if (all.at(-1) === "") all.pop();
  const wanted = all.slice(0, mostWanted).map((line) => line.trim());
  let best = { line: 0, score: 0 };
  for (let line = 0; line < plain.length; line++) {
    let score = 0;
    for (let at = 0; at < wanted.length && line + at < plain.length; at++) {
      const [there, here] = [plain[line + at] ?? "", wanted[at] ?? ""];
      if (here !== "") score += likeness(there, here);
    }
    if (score > best.score) best = { line, score };
  }
  const weighty = wanted.filter((line) => line !== "").length;
  if (weighty === 0 || best.score / weighty < wanting) return undefined;
  return { line: best.line + 1, text: lines.slice(best.line, best.line + all.length).join("\n") };
}
