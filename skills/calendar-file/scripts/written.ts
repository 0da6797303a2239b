/** What is written into a calendar: one event more, one less, one time of it less. Every other byte stays as it is. */
import type { Event } from "./event.ts";
import { CalendarProblem, escapedText, folded } from "./lines.ts";

export interface NewEvent {
  readonly uid: string;
  readonly title: string;
  readonly start: Temporal.ZonedDateTime;
  readonly end: Temporal.ZonedDateTime;
  readonly isAllDay: boolean;
  readonly location: string | undefined;
  readonly description: string | undefined;
  /** A rule as RFC 5545 writes it. */
  readonly repeats: string | undefined;
  readonly stamp: Temporal.Instant;
}

const date = (at: Temporal.ZonedDateTime) => at.toPlainDate().toString().replaceAll("-", "");
const local = (at: Temporal.ZonedDateTime | Temporal.PlainDateTime) => at.toString().slice(0, 19).replaceAll(/[-:]/g, "");
const utc = (at: Temporal.Instant) => `${local(at.toZonedDateTimeISO("UTC"))}Z`;

const header = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Pincer//calendar-file//EN", "END:VCALENDAR", ""].join("\r\n");

/** One that happens once is written in UTC, which every program understands; one that repeats keeps to the clock of its zone. */
export function withEvent(text: string | undefined, event: NewEvent): string {
  const zone = event.start.timeZoneId;
  const hasZone = event.repeats !== undefined && !event.isAllDay && zone !== "UTC";
  const moment = (name: string, at: Temporal.ZonedDateTime) => {
    if (event.isAllDay) return `${name};VALUE=DATE:${date(at)}`;
    return hasZone ? `${name};TZID=${zone}:${local(at)}` : `${name}:${utc(at.toInstant())}`;
  };
  const lines = [
    ...(hasZone && !text?.includes(`TZID:${zone}\r`) && !text?.includes(`TZID:${zone}\n`) ? zoneLines(zone, event.start) : []),
    "BEGIN:VEVENT",
    `UID:${event.uid}`,
    `DTSTAMP:${utc(event.stamp)}`,
    moment("DTSTART", event.start),
    moment("DTEND", event.end),
    `SUMMARY:${escapedText(event.title)}`,
    ...(event.location === undefined ? [] : [`LOCATION:${escapedText(event.location)}`]),
    ...(event.description === undefined ? [] : [`DESCRIPTION:${escapedText(event.description)}`]),
    ...(event.repeats === undefined ? [] : [`RRULE:${event.repeats}`]),
    "END:VEVENT",
  ];
  const whole = text ?? header;
  const end = /^END:VCALENDAR[ \t]*\r?\n?(?![\s\S]*^END:VCALENDAR)/im.exec(whole);
  if (end === null) throw new CalendarProblem("expected END:VCALENDAR at the end of the file: it may be cut off");
  return `${whole.slice(0, end.index)}${lines.map((line) => `${folded(line)}\r\n`).join("")}${whole.slice(end.index)}`;
}

/** How many changes of the clock are written, two a year. Programs that know the zone by its name do not read them. */
const mostChanges = 20;

function zoneLines(zone: string, from: Temporal.ZonedDateTime): readonly string[] {
  const changes: Temporal.ZonedDateTime[] = [];
  const before = from.getTimeZoneTransition("previous");
  for (
    let at: Temporal.ZonedDateTime | null = before ?? from;
    at !== null && changes.length < mostChanges;
    at = at.getTimeZoneTransition("next")
  )
    changes.push(at);
  const offset = (at: Temporal.ZonedDateTime) => at.offset.replace(":", "").slice(0, 5);
  return [
    "BEGIN:VTIMEZONE",
    `TZID:${zone}`,
    ...changes.flatMap((at) => {
      const earlier = at.subtract({ nanoseconds: 1 });
      const kind = at.offsetNanoseconds > earlier.offsetNanoseconds ? "DAYLIGHT" : "STANDARD";
      // The moment of the change on the clock that held until then.
      const onset = local(at.toInstant().add({ nanoseconds: earlier.offsetNanoseconds }).toZonedDateTimeISO("UTC").toPlainDateTime());
      return [`BEGIN:${kind}`, `DTSTART:${onset}`, `TZOFFSETFROM:${offset(earlier)}`, `TZOFFSETTO:${offset(at)}`, `END:${kind}`];
    }),
    "END:VTIMEZONE",
  ];
}

/** Lines with their ends, as they stand. */
const rawLines = (text: string): readonly string[] => text.match(/[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$/g) ?? [];

export function withoutEvents(text: string, gone: readonly Event[]): string {
  const isGone = (number: number) => gone.some(({ span: [first, last] }) => number >= first && number <= last);
  return rawLines(text)
    .filter((_, at) => !isGone(at + 1))
    .join("");
}

/** One time of an event that repeats is taken away. */
export function withoutOccurrence(text: string, { span: [, last], zone, isAllDay }: Event, at: Temporal.PlainDateTime): string {
  const value = local(at);
  const exception = isAllDay
    ? `EXDATE;VALUE=DATE:${value.slice(0, 8)}`
    : `EXDATE${zone === undefined ? "" : zone === "UTC" ? "" : `;TZID=${zone}`}:${value}${zone === "UTC" ? "Z" : ""}`;
  return rawLines(text)
    .map((line, index) => (index + 1 === last ? `${folded(exception)}\r\n${line}` : line))
    .join("");
}
