/** Answers' bodies, read under a watch: as text, and as lines of a stream, none of which may be without end. */
import type { Seen } from "./watch.ts";

/** Longest line, or event of several lines, of a stream. An event that repeats a whole answer has some megabytes. */
export const LINE_CHARS = 16_777_216;

/** The pieces of a body as they come. Ends with it; `seen` is called with the answer itself, and with each piece. */
export async function* piecesOf({ body }: Response, seen: Seen): AsyncGenerator<string, void, void> {
  seen();
  if (body === null) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      seen(piece.value.length);
      yield decoder.decode(piece.value, { stream: true });
    }
  } finally {
    // Who reads no further ends the request. Not waited for: a server that hangs would keep its reader.
    reader.cancel().catch(() => {}); // silent-ok: a body that broke has nothing left to cancel, and its reader was told
  }
}

export async function readText(response: Response, seen: Seen): Promise<string> {
  let text = "";
  for await (const piece of piecesOf(response, seen)) text += piece;
  return text;
}

/** What is no JSON throws a `SyntaxError`. */
export const readJson = async (response: Response, seen: Seen): Promise<unknown> => JSON.parse(await readText(response, seen));

/**
 * Takes text in any pieces, and gives the lines that it completes, ended by `\n`, `\r\n` or `\r`. What a server sends byte by byte is looked
 * through once. Throws for a line that is too long.
 */
export function createLines(most: number = LINE_CHARS): (text: string) => readonly string[] {
  let begun = newText();
  // A carriage return at the very end may be the first half of a line's end.
  let held = "";
  return (text) => {
    const given = held + text;
    held = given.endsWith("\r") ? "\r" : "";
    const lines = (held === "" ? given : given.slice(0, -1)).split(/\r\n|\n|\r/);
    const rest = lines.pop() ?? "";
    if (lines.length > 0) {
      lines[0] = begun.end(lines[0] as string);
      begun = newText();
    }
    begun.add(rest);
    if (begun.length > most) throw new RangeError(`a line of more than ${most} characters came`);
    return lines;
  };
}

const MANY = 1024;

/** A text that grows piece by piece, in a memory of about its own size even where each is a character. */
function newText() {
  const parts: string[] = [];
  let loose: string[] = [];
  let length = 0;
  return {
    get length() {
      return length;
    },
    add(piece: string) {
      if (piece === "") return;
      length += piece.length;
      loose.push(piece);
      if (loose.length < MANY) return;
      parts.push(loose.join(""));
      loose = [];
    },
    end: (piece: string): string => (length === 0 ? piece : parts.join("") + loose.join("") + piece),
  };
}
