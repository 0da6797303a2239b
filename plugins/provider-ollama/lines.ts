/** Reads JSON objects that come one on a line, as they come. What arrived together is handed on together. */

/** Ends with the body. A line that its end cut off is none. `seen` is called with the answer itself, and with each piece of it. */
export async function* jsonLines<T>({ body }: Response, seen: () => void): AsyncGenerator<readonly T[], void, void> {
  seen();
  if (body === null) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      seen();
      const lines = (rest + decoder.decode(piece.value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      const objects: T[] = [];
      for (const line of lines) {
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
  } finally {
    // Who reads no further ends the request. Not waited for: a server that hangs would keep its reader.
    reader.cancel().catch(() => {}); // silent-ok: a body that broke has nothing left to cancel, and its reader was told
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
