/** Events as they stand in a calendar: each with its start on the clock of its own time zone. */
import { CalendarProblem, type Line, linesOf, plainText } from "./lines.ts";
import { type Rule, ruleOf } from "./rule.ts";

export interface Event {
  readonly uid: string;
  readonly title: string;
  readonly location: string;
  readonly description: string;
  readonly start: Temporal.PlainDateTime;
  readonly duration: Temporal.Duration;
  /** Whole days, without a time. */
  readonly isAllDay: boolean;
  /** Absent: on the clock of whoever looks. */
  readonly zone: string | undefined;
  readonly isCancelled: boolean;
  readonly rule: Rule | undefined;
  /** Starts that are added, and taken away, on the clock of the event. */
  readonly added: readonly Temporal.PlainDateTime[];
  readonly removed: readonly Temporal.PlainDateTime[];
  /** Days that are taken away whole, as some programs write it. */
  readonly removedDays: readonly Temporal.PlainDate[];
  /** The start of the occurrence of that uid in whose place this one stands. */
  readonly replaces: Temporal.PlainDateTime | undefined;
  /** First and last line in the file. */
  readonly span: readonly [number, number];
}

export interface Calendar {
  readonly events: readonly Event[];
  /** What could not be read as it is meant. */
  readonly warnings: readonly string[];
}

interface Moment {
  readonly at: Temporal.PlainDateTime;
  readonly isAllDay: boolean;
  readonly zone: string | undefined;
}

export function readCalendar(text: string): Calendar {
  const warnings = new Set<string>();
  const lines = linesOf(text.replace(/^\ufeff/, ""), warnings);
  if (lines[0]?.name !== "BEGIN" || lines[0].value.toUpperCase() !== "VCALENDAR")
    throw new CalendarProblem(`line 1: expected BEGIN:VCALENDAR, came ${JSON.stringify(text.slice(0, 40))}`);
  const events: Event[] = [];
  const open: string[] = [];
  let own: Line[] = [];
  let from = 0;
  for (const line of lines) {
    if (line.name === "BEGIN") {
      open.push(line.value.toUpperCase());
      if (open.at(-1) === "VEVENT") [own, from] = [[], line.number];
    } else if (line.name === "END") {
      const closed = open.pop();
      if (closed !== line.value.toUpperCase())
        throw new CalendarProblem(`line ${line.number}: expected END:${closed ?? "nothing more"}, came END:${line.value}`);
      if (closed === "VEVENT") events.push(...readable(own, [from, line.number], warnings));
    } else if (open.at(-1) === "VEVENT") own.push(line);
  }
  if (open.length > 0) throw new CalendarProblem(`expected END:${open.at(-1)} before the end of the file: it may be cut off`);
  return { events, warnings: [...warnings] };
}

/** One event that cannot be read does not hide the others. */
function readable(lines: readonly Line[], span: readonly [number, number], warnings: Set<string>): readonly Event[] {
  try {
    return [eventOf(lines, span, warnings)];
  } catch (error) {
    if (!(error instanceof CalendarProblem || error instanceof RangeError)) throw error;
    const title = lines.find(({ name }) => name === "SUMMARY")?.value ?? "without a title";
    warnings.add(`the event ${JSON.stringify(plainText(title))} in lines ${span[0]} to ${span[1]} is left out: ${error.message}`);
    return [];
  }
}

function eventOf(lines: readonly Line[], span: readonly [number, number], warnings: Set<string>): Event {
  const find = (name: string) => lines.find((line) => line.name === name);
  const text = (name: string) => plainText(find(name)?.value ?? "");
  const started = find("DTSTART");
  if (started === undefined) throw new CalendarProblem(`line ${span[0]}: expected a DTSTART in this event, came none`);
  const { at: start, isAllDay, zone } = momentOf(started, warnings);
  const all = (name: string) => lines.filter((line) => line.name === name);
  const moments = (name: string) =>
    // Of a period (start/end) the start counts.
    all(name).flatMap((line) => line.value.split(",").map((value) => momentIn({ ...line, value: value.split("/")[0]! }, zone, warnings)));
  const rule = find("RRULE");
  const replaced = find("RECURRENCE-ID");
  return {
    uid: find("UID")?.value ?? `line-${span[0]}`,
    title: text("SUMMARY") || "(no title)",
    location: text("LOCATION"),
    description: text("DESCRIPTION"),
    ...{ start, isAllDay, zone, span },
    duration: durationOf(find("DTEND"), find("DURATION"), start, { isAllDay, zone }, warnings),
    isCancelled: find("STATUS")?.value.toUpperCase() === "CANCELLED",
    rule: rule === undefined ? undefined : ruleOf(rule, zone, warnings),
    added: moments("RDATE"),
    removed: moments("EXDATE"),
    removedDays: all("EXDATE")
      .flatMap((line) => line.value.split(",").map((value) => momentOf({ ...line, value }, warnings)))
      .flatMap(({ at, isAllDay: isDay }) => (isDay ? [at.toPlainDate()] : [])),
    replaces: replaced === undefined ? undefined : momentIn(replaced, zone, warnings),
  };
}

/** A moment as it is on the clock of another zone. */
function momentIn(line: Line, zone: string | undefined, warnings: Set<string>): Temporal.PlainDateTime {
  const moment = momentOf(line, warnings);
  if (moment.zone === undefined || zone === undefined || moment.zone === zone) return moment.at;
  return moment.at.toZonedDateTime(moment.zone).withTimeZone(zone).toPlainDateTime();
}

function durationOf(
  end: Line | undefined,
  length: Line | undefined,
  start: Temporal.PlainDateTime,
  { isAllDay, zone }: Pick<Moment, "isAllDay" | "zone">,
  warnings: Set<string>,
): Temporal.Duration {
  if (end === undefined)
    return length === undefined ? Temporal.Duration.from({ days: isAllDay ? 1 : 0 }) : Temporal.Duration.from(length.value);
  const until = momentIn(end, zone, warnings);
  if (isAllDay || zone === undefined) return start.until(until, { largestUnit: "day" });
  return start.toZonedDateTime(zone).until(until.toZonedDateTime(zone), { largestUnit: "hour" });
}

const moment = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?$/;

export function momentOf({ name, parameters, value, number }: Line, warnings: Set<string>): Moment {
  const [, year, month, day, hour, minute, second, utc] = moment.exec(value) ?? [];
  if (year === undefined)
    throw new CalendarProblem(`line ${number}: ${name}: expected a time such as 20261203T090000, came ${JSON.stringify(value)}`);
  const time = hour === undefined ? "" : `T${hour}:${minute}:${second}`;
  const at = Temporal.PlainDateTime.from(`${year}-${month}-${day}${time}`);
  const zone = utc === undefined ? parameters["TZID"] : "UTC";
  return { at, isAllDay: hour === undefined, zone: zone === undefined ? undefined : knownZone(zone, warnings) };
}

/** Names of zones that Windows writes, of those that are met most. */
const windows: Readonly<Record<string, string>> = {
  "AUS Eastern Standard Time": "Australia/Sydney",
  "Central Europe Standard Time": "Europe/Budapest",
  "Central European Standard Time": "Europe/Warsaw",
  "Central Standard Time": "America/Chicago",
  "China Standard Time": "Asia/Shanghai",
  "E. Europe Standard Time": "Europe/Chisinau",
  "Eastern Standard Time": "America/New_York",
  "FLE Standard Time": "Europe/Kiev",
  "GMT Standard Time": "Europe/London",
  "India Standard Time": "Asia/Kolkata",
  "Mountain Standard Time": "America/Denver",
  "Pacific Standard Time": "America/Los_Angeles",
  "Romance Standard Time": "Europe/Paris",
  "Tokyo Standard Time": "Asia/Tokyo",
  "W. Europe Standard Time": "Europe/Berlin",
};

export const isZone = (name: string): boolean => {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch {
    return false;
  }
};

function knownZone(written: string, warnings: Set<string>): string | undefined {
  // Some write a path before the name: /freeassociation.sourceforge.net/Europe/Berlin.
  const names = [written, windows[written] ?? "", written.split("/").slice(-2).join("/")];
  const zone = names.find((name) => name !== "" && isZone(name));
  if (zone === undefined) warnings.add(`there is no time zone ${JSON.stringify(written)}: its times are shown as if they were of your own`);
  return zone;
}
