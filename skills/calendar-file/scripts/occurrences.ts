/** When events really are: repetitions counted out, exceptions kept, as moments in a zone. */
import type { Event } from "./event.ts";
import { startsOf } from "./rule.ts";

export interface Occurrence {
  readonly event: Event;
  readonly start: Temporal.ZonedDateTime;
  readonly end: Temporal.ZonedDateTime;
}

/** Whatever is not over at `from` and begins before `to`, in the order of their beginnings. */
export function occurrences(
  events: readonly Event[],
  { from, to, zone }: { readonly from: Temporal.Instant; readonly to: Temporal.Instant; readonly zone: string },
): readonly Occurrence[] {
  const found: Occurrence[] = [];
  for (const event of events) {
    if (event.isCancelled) continue;
    for (const at of allStarts(event, events)) {
      const occurrence = occurrenceAt(event, at, zone);
      if (Temporal.Instant.compare(occurrence.start.toInstant(), to) >= 0) {
        // Further ones come later still; what was added by hand may not.
        if (event.added.length === 0) break;
        continue;
      }
      const isOver = Temporal.Instant.compare(occurrence.end.toInstant(), from);
      const isMoment = event.duration.blank && isOver === 0;
      if (isOver > 0 || isMoment) found.push(occurrence);
    }
  }
  return found.toSorted(
    (one, other) => Temporal.ZonedDateTime.compare(one.start, other.start) || one.event.title.localeCompare(other.event.title),
  );
}

/** Years ahead that a repetition without an end is counted out for an event to which moments were added by hand. */
const farthest = 20_000;

function* allStarts(event: Event, events: readonly Event[]): Generator<Temporal.PlainDateTime, void, void> {
  const replaced =
    event.replaces !== undefined ? [] : events.flatMap(({ uid, replaces }) => (uid === event.uid && replaces ? [replaces] : []));
  const days = [...event.removedDays, ...(event.isAllDay ? replaced.map((at) => at.toPlainDate()) : [])];
  const isGone = (at: Temporal.PlainDateTime) =>
    [...event.removed, ...replaced].some((gone) => gone.equals(at)) || days.some((day) => day.equals(at.toPlainDate()));
  let count = 0;
  const regular = event.rule === undefined ? [event.start] : startsOf(event.start, event.rule);
  for (const at of event.added) if (!isGone(at)) yield at;
  for (const at of regular) {
    if (!isGone(at)) yield at;
    count += 1;
    if (event.added.length > 0 && count > farthest) return;
  }
}

function occurrenceAt(event: Event, at: Temporal.PlainDateTime, zone: string): Occurrence {
  const own = event.isAllDay ? zone : (event.zone ?? zone);
  const start = at.toZonedDateTime(own);
  return { event, start: start.withTimeZone(zone), end: start.add(event.duration).withTimeZone(zone) };
}
