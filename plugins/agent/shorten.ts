/** Leaves out the middle of a text that is too long, and says how much: what comes first and last usually matters most. */
export function shorten(text: string, most: number): string {
  if (text.length <= most) return text;
  const head = endingWell(text.slice(0, Math.floor(most * 0.7)));
  const tail = text.slice(text.length - Math.floor(most * 0.3)).replace(/^[\uDC00-\uDFFF]/, "");
  return `${head}\n[… ${text.length - head.length - tail.length} characters left out …]\n${tail}`;
}

/** Without half a surrogate pair at the end, which JSON would carry and UTF-8 would not. */
const endingWell = (text: string) => text.replace(/[\uD800-\uDBFF]$/, "");
