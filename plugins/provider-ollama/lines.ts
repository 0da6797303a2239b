/** Reads JSON objects that come one on a line, as they come. What arrived together is handed on together. */
import { createLines, piecesOf } from "@pincer/plugin-sdk/provider/body";
import type { Seen } from "@pincer/plugin-sdk/provider/watch";

/** Ends with the body. A line that its end cut off is none. `seen` is called with the answer itself, and with each piece of it. */
export async function* jsonLines<T>(response: Response, seen: Seen): AsyncGenerator<readonly T[], void, void> {
  const lines = createLines();
  for await (const piece of piecesOf(response, seen)) {
    const objects: T[] = [];
    for (const line of lines(piece)) {
      if (line.trim() === "") continue;
      const object = parsed<T>(line);
      // What came before it is told first.
      if (object instanceof SyntaxError) {
        if (objects.length > 0) yield objects;
        throw object;
      }
      objects.push(object);
    }
    if (objects.length > 0) yield objects;
  }
}

function parsed<T>(line: string): T | SyntaxError {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as T) : new SyntaxError(`no object: ${line.slice(0, 80)}`);
  } catch (error) {
    return error as SyntaxError;
  }
}
