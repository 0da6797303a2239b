/** Reads `text/event-stream` as it comes. What arrived together is handed on together, so that a token costs one step and no timer. */
import { createLines, LINE_CHARS, piecesOf } from "./body.ts";
import type { Seen } from "./watch.ts";

export interface ServerEvent {
  /** Its name; `undefined` when it has none. */
  readonly event: string | undefined;
  readonly data: string;
}

/** Ends with the body. An event that its end cut off is none. `seen` is called with the answer itself, and with each piece of it. */
export async function* serverEvents(response: Response, seen: Seen): AsyncGenerator<readonly ServerEvent[], void, void> {
  const read = createEvents();
  for await (const piece of piecesOf(response, seen)) {
    const events = read(piece);
    if (events.length > 0) yield events;
  }
}

/** Takes text in any pieces, and gives the events that it completes. Throws for one that is too long. */
function createEvents(): (text: string) => readonly ServerEvent[] {
  const lines = createLines();
  let event: string | undefined;
  let data: string[] = [];
  let length = 0;
  return (text) => {
    const events: ServerEvent[] = [];
    for (const line of lines(text)) {
      if (line === "") {
        if (data.length > 0) events.push({ event, data: data.join("\n") });
        event = undefined;
        data = [];
        length = 0;
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
      if (field === "event") event = value;
      else if (field === "data") {
        data.push(value);
        length += value.length + 1;
        if (length > LINE_CHARS) throw new RangeError(`an event of more than ${LINE_CHARS} characters came`);
      }
    }
    return events;
  };
}
