#!/usr/bin/env bun
/** Reads and changes a calendar file (.ics). Says how when it is called without words. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { type Event, isZone, readCalendar } from "./event.ts";
import { CalendarProblem } from "./lines.ts";
import { type Occurrence, occurrences } from "./occurrences.ts";
import { withEvent, withoutEvents, withoutOccurrence } from "./written.ts";

const HELP = `calendar.ts list <file.ics> [--from <day>] [--to <day>] [--search <text>]   events of these days; without, of the next 14
calendar.ts next <file.ics> [--count <n>] [--search <text>]                  what comes next, within a year
calendar.ts show <file.ics> <uid>                                            all that is known of one
calendar.ts add  <file.ics> <title> --start <time> [--end <time> | --duration <1h30m|2d>] [--location <text>] [--notes <text>]
                 [--repeat daily|weekly|monthly|yearly|<RRULE>]              a start without a time (2026-12-24) means the whole day
calendar.ts remove <file.ics> <uid> [--on <day>]                             the event, or one day of one that repeats
With each: --zone <Europe/Berlin> is whose clock is meant (else this machine's), --json, --now <time> instead of the present.`;

const options = ["from", "to", "search", "count", "start", "end", "duration", "location", "notes", "repeat", "on", "zone", "now"] as const;
type Options = Partial<Record<(typeof options)[number], string>>;

interface Call {
  readonly file: string;
  readonly words: readonly string[];
  readonly options: Options;
  readonly zone: string;
  readonly now: Temporal.ZonedDateTime;
  readonly isJson: boolean;
}

class UsageProblem extends CalendarProblem {}

function read(words: readonly string[]): Call & { readonly verb: string } {
  const found: Options = {};
  const plain: string[] = [];
  let isJson = false;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    const name = options.find((option) => word === `--${option}`);
    if (word === "--json") isJson = true;
    else if (name !== undefined) {
      const value = words[++at];
      if (value === undefined) throw new UsageProblem(`expected a value behind ${word}, came none`);
      found[name] = value;
    } else if (/^--[a-z]/.test(word)) throw new UsageProblem(`there is no option ${word}; there are: --${options.join(", --")}, --json`);
    else plain.push(word);
  }
  const zone = found.zone ?? Temporal.Now.timeZoneId();
  if (!isZone(zone)) throw new UsageProblem(`expected a time zone such as Europe/Berlin, came ${JSON.stringify(zone)}`);
  const now = found.now === undefined ? Temporal.Now.zonedDateTimeISO(zone) : timeOf("--now", found.now).toZonedDateTime(zone);
  const [verb = "", file = "", ...rest] = plain;
  if (verb !== "" && file === "") throw new UsageProblem(`expected a file behind ${verb}, came none`);
  return { verb, file, words: rest, options: found, zone, now, isJson };
}

function timeOf(option: string, text: string): Temporal.PlainDateTime {
  try {
    return Temporal.PlainDateTime.from(text);
  } catch {
    throw new UsageProblem(`expected ${option} as 2026-12-03T09:00 or 2026-12-03, came ${JSON.stringify(text)}`);
  }
}
const dayOf = (option: string, text: string): Temporal.PlainDate => timeOf(option, text).toPlainDate();

function load(file: string): string {
  if (!existsSync(file)) throw new CalendarProblem(`there is no file ${file}`);
  return readFileSync(file, "utf8");
}

/** In one step: whoever syncs the file never sees half of it. */
function save(file: string, text: string): void {
  readCalendar(text);
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

const time = (at: Temporal.ZonedDateTime) => at.toPlainTime().toString({ smallestUnit: "minute" });
const days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

function line({ event, start, end }: Occurrence): string {
  const day = `${start.toPlainDate()} ${days[start.dayOfWeek - 1]}`;
  const lastDay = end.subtract({ nanoseconds: event.duration.blank ? 0 : 1 }).toPlainDate();
  const until = lastDay.equals(start.toPlainDate()) ? "" : ` until ${lastDay}`;
  const when = event.isAllDay ? `all day${until}` : `${time(start)}-${time(end)}${until}`;
  const where = event.location === "" ? "" : `  @ ${event.location}`;
  const repeats = event.rule === undefined ? "" : "  (repeats)";
  return `${day}  ${when.padEnd(11)}  ${event.title}${where}${repeats}  [${event.uid}]`.replaceAll("\n", " ");
}

const plain = ({ event, start, end }: Occurrence) => ({
  uid: event.uid,
  title: event.title,
  start: event.isAllDay ? `${start.toPlainDate()}` : start.toString({ timeZoneName: "never" }),
  end: event.isAllDay ? `${end.toPlainDate()}` : end.toString({ timeZoneName: "never" }),
  allDay: event.isAllDay,
  location: event.location,
  description: event.description,
  repeats: event.rule !== undefined,
});

function say(call: Call, found: readonly Occurrence[], warnings: readonly string[], none: string): void {
  for (const warning of warnings) console.error(`warning: ${warning}`);
  if (call.isJson) console.log(JSON.stringify(found.map(plain), null, 2));
  else console.log(found.length === 0 ? none : found.map(line).join("\n"));
}

function between(call: Call, from: Temporal.ZonedDateTime, to: Temporal.ZonedDateTime) {
  const { events, warnings } = readCalendar(load(call.file));
  const wanted = call.options.search?.toLowerCase();
  const has = ({ title, location, description }: Event) =>
    wanted === undefined || `${title}\n${location}\n${description}`.toLowerCase().includes(wanted);
  const found = occurrences(events.filter(has), { from: from.toInstant(), to: to.toInstant(), zone: call.zone });
  return { found, warnings };
}

const verbs: Readonly<Record<string, (call: Call) => void>> = {
  list(call) {
    const from = call.options.from === undefined ? call.now.toPlainDate() : dayOf("--from", call.options.from);
    const last = call.options.to === undefined ? from.add({ days: 13 }) : dayOf("--to", call.options.to);
    if (Temporal.PlainDate.compare(last, from) < 0) throw new UsageProblem(`expected --to from ${from} on, came ${last}`);
    const { found, warnings } = between(call, from.toZonedDateTime(call.zone), last.add({ days: 1 }).toZonedDateTime(call.zone));
    say(call, found, warnings, `nothing from ${from} to ${last}`);
  },
  next(call) {
    const count = Number(call.options.count ?? 1);
    if (!Number.isInteger(count) || count < 1)
      throw new UsageProblem(`expected --count from 1 on, came ${JSON.stringify(call.options.count)}`);
    const { found, warnings } = between(call, call.now, call.now.add({ years: 1 }));
    say(call, found.slice(0, count), warnings, "nothing within a year");
  },
  show(call) {
    const event = one(call, readCalendar(load(call.file)).events);
    const { title, location, description, start, duration, zone, isAllDay, rule, span } = event;
    const value = {
      uid: event.uid,
      title,
      start: `${start}`,
      duration: `${duration}`,
      zone: zone ?? null,
      allDay: isAllDay,
      location,
      description,
      repeats: rule ?? null,
      lines: span,
    };
    console.log(JSON.stringify(value, null, 2));
  },
  add(call) {
    const [title = "", ...more] = call.words;
    if (title === "" || more.length > 0) throw new UsageProblem(`expected one title in quotes, came ${JSON.stringify(call.words)}`);
    if (call.options.start === undefined) throw new UsageProblem("expected --start, came none");
    const isAllDay = !/T|\d \d/.test(call.options.start);
    const start = timeOf("--start", call.options.start).toZonedDateTime(call.zone);
    const end = endOf(call.options, start, isAllDay);
    if (Temporal.ZonedDateTime.compare(end, start) <= 0)
      throw new UsageProblem(`expected an end behind the start, came ${end.toPlainDateTime()}`);
    const uid = `${crypto.randomUUID()}@pincer`;
    const text = existsSync(call.file) ? load(call.file) : undefined;
    const { location, notes: description, repeat } = call.options;
    const repeats =
      repeat === undefined ? undefined : /^(daily|weekly|monthly|yearly)$/i.test(repeat) ? `FREQ=${repeat.toUpperCase()}` : repeat;
    const whole = withEvent(text, { uid, title, start, end, isAllDay, location, description, repeats, stamp: call.now.toInstant() });
    const { events, warnings } = readCalendar(whole);
    const added = events.find((event) => event.uid === uid);
    if (repeats !== undefined && added?.rule === undefined)
      throw new UsageProblem(`expected --repeat as weekly or FREQ=WEEKLY;BYDAY=MO, came ${JSON.stringify(repeat)}`);
    save(call.file, whole);
    const there = occurrences(events, { from: start.toInstant(), to: end.toInstant(), zone: call.zone });
    say(
      call,
      there.filter(({ event }) => event.uid === uid),
      warnings,
      "",
    );
    // A whole day has room for more: a birthday is in nobody's way.
    const others = isAllDay ? [] : there.filter(({ event }) => event.uid !== uid && !event.isAllDay);
    if (others.length > 0) console.error(`at the same time:\n${others.map((other) => `  ${line(other)}`).join("\n")}`);
  },
  remove(call) {
    const text = load(call.file);
    const { events } = readCalendar(text);
    const event = one(call, events);
    if (call.options.on === undefined)
      save(
        call.file,
        withoutEvents(
          text,
          events.filter(({ uid }) => uid === event.uid),
        ),
      );
    else {
      const day = dayOf("--on", call.options.on).toZonedDateTime(call.zone);
      const whole = { from: day.toInstant(), to: day.add({ days: 1 }).toInstant(), zone: call.zone };
      const found = occurrences(events, whole).find(
        ({ event: of, start }) => of === event && start.toPlainDate().equals(day.toPlainDate()),
      );
      if (found === undefined) throw new CalendarProblem(`${event.title} is not on ${day.toPlainDate()}; list the days around it`);
      save(call.file, withoutOccurrence(text, event, found.start.withTimeZone(event.zone ?? call.zone).toPlainDateTime()));
    }
    const what = call.options.on === undefined ? "" : ` on ${call.options.on}`;
    console.log(call.isJson ? JSON.stringify({ ok: true, removed: event.uid }) : `removed: ${event.title}${what} [${event.uid}]`);
  },
};

function endOf({ end, duration }: Options, start: Temporal.ZonedDateTime, isAllDay: boolean): Temporal.ZonedDateTime {
  if (end !== undefined && duration !== undefined) throw new UsageProblem("expected --end or --duration, came both");
  if (end !== undefined) {
    const at = timeOf("--end", end).toZonedDateTime(start.timeZoneId);
    // The last day is meant by people; iCalendar wants the day behind it.
    return isAllDay ? at.add({ days: 1 }) : at;
  }
  const [, d, h, m] = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?$/.exec(duration ?? (isAllDay ? "1d" : "1h")) ?? [];
  if (d === undefined && h === undefined && m === undefined)
    throw new UsageProblem(`expected --duration as 45m, 1h30m or 2d, came ${JSON.stringify(duration)}`);
  return start.add({ days: Number(d ?? 0), hours: Number(h ?? 0), minutes: Number(m ?? 0) });
}

/** By its uid or by how that begins. */
function one({ words: [wanted = "", ...more], file }: Call, events: readonly Event[]): Event {
  if (wanted === "" || more.length > 0) throw new UsageProblem("expected one uid, as list shows it in brackets");
  const found = events.filter(({ uid, replaces }) => uid.startsWith(wanted) && replaces === undefined);
  if (found.length === 0) throw new CalendarProblem(`there is no event with the uid ${JSON.stringify(wanted)} in ${file}`);
  if (found.length > 1)
    throw new CalendarProblem(`${found.length} events have a uid that begins with ${JSON.stringify(wanted)}: say more of it`);
  return found[0]!;
}

try {
  const call = read(process.argv.slice(2));
  const verb = Object.hasOwn(verbs, call.verb) ? verbs[call.verb] : undefined;
  if (verb === undefined) {
    console.error(call.verb === "" ? HELP : `there is no ${JSON.stringify(call.verb)}\n${HELP}`);
    process.exitCode = 2;
  } else verb(call);
} catch (error) {
  if (!(error instanceof CalendarProblem || error instanceof RangeError)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = error instanceof UsageProblem ? 2 : 1;
}
