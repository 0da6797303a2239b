/** Where code blocks are, as far as it can be seen line by line. */

const FENCE = /^(?:[ >]|[-+*] |\d{1,9}[.)] )*(`{3,}|~{3,})(.*)$/;

/** Each line, and whether it belongs to a code block that has not ended with it. */
export function* linesInFences(text: string): Generator<{ readonly line: string; readonly fenced: boolean }> {
  let open: string | undefined;
  for (const line of text.split("\n")) {
    const [, mark = "", info = ""] = FENCE.exec(line) ?? [];
    if (open === undefined) {
      if (mark !== "" && !(mark.startsWith("`") && info.includes("`"))) open = mark;
    } else if (mark.startsWith(open) && info.trim() === "") open = undefined;
    yield { line, fenced: open !== undefined };
  }
}
