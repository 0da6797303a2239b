/** Reads `text/event-stream` as it comes. What arrived together is handed on together, so that a token costs one step and no timer. */

export interface ServerEvent {
  /** Its name; `undefined` when it has none. */
  readonly event: string | undefined;
  readonly data: string;
}

/** Ends with the body. An event that its end cut off is none. `seen` is called with the answer itself, and with each piece of it. */
export async function* serverEvents({ body }: Response, seen: () => void): AsyncGenerator<readonly ServerEvent[], void, void> {
  seen();
  if (body === null) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const lines = createLines();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      seen();
      const events = lines(decoder.decode(piece.value, { stream: true }));
      if (events.length > 0) yield events;
    }
  } finally {
    // Who reads no further ends the request. Not waited for: a server that hangs would keep its reader.
    reader.cancel().catch(() => {}); // silent-ok: a body that broke has nothing left to cancel, and its reader was told
  }
}

/** Takes text in any pieces, and gives the events that it completes. */
function createLines(): (text: string) => readonly ServerEvent[] {
  let rest = "";
  let event: string | undefined;
  let data: string[] = [];
  return (text) => {
    const events: ServerEvent[] = [];
    // A carriage return at the very end may be the first half of a line's end.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) events.push({ event, data: data.join("\n") });
        event = undefined;
        data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
      if (field === "data") data.push(value);
      else if (field === "event") event = value;
    }
    return events;
  };
}
