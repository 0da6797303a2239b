/** How an event repeats (RFC 5545, section 3.3.10), and on which days that is. */
import { CalendarProblem, type Line } from "./lines.ts";

type Frequency = "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY";

export interface Rule {
  readonly frequency: Frequency;
  readonly interval: number;
  readonly count: number | undefined;
  /** The last moment at which one may start, on the clock of the event. */
  readonly until: Temporal.PlainDateTime | undefined;
  /** A day of the week, 1 for Monday; which of the month, from its end when negative; 0: each. */
  readonly days: readonly { readonly day: number; readonly nth: number }[];
  readonly monthDays: readonly number[];
  readonly months: readonly number[];
  readonly positions: readonly number[];
  readonly weekStart: number;
}

const dayNames = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const known = new Set(["FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST"]);

/** Absent where the rule has something that is not understood; a warning says so, and the event stands there once. */
export function ruleOf({ value, number }: Line, zone: string | undefined, warnings: Set<string>): Rule | undefined {
  const parts = new Map(
    value
      .toUpperCase()
      .split(";")
      .map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)] as const),
  );
  const list = (name: string) => parts.get(name)?.split(",") ?? [];
  const numbers = (name: string) => list(name).map(Number);
  const frequency = parts.get("FREQ") ?? "";
  const days = list("BYDAY").map((text) => {
    const [, nth, day = ""] = /^([+-]?\d+)?([A-Z]{2})$/.exec(text) ?? [];
    return { day: dayNames.indexOf(day) + 1, nth: Number(nth ?? 0) };
  });
  const strange = [...parts.keys()].find((name) => !known.has(name));
  const needsYear = frequency === "YEARLY" && days.length > 0 && !parts.has("BYMONTH");
  if (
    !["DAILY", "WEEKLY", "MONTHLY", "YEARLY"].includes(frequency) ||
    strange !== undefined ||
    needsYear ||
    days.some(({ day }) => day === 0)
  ) {
    warnings.add(`line ${number}: the repetition ${value} is not understood: only its first time is shown`);
    return undefined;
  }
  const interval = Number(parts.get("INTERVAL") ?? 1);
  const count = parts.has("COUNT") ? Number(parts.get("COUNT")) : undefined;
  if (!(interval >= 1) || (count !== undefined && !(count >= 1)))
    throw new CalendarProblem(`line ${number}: expected INTERVAL and COUNT from 1 on, came ${value}`);
  return {
    frequency: frequency as Frequency,
    ...{ interval, count, days },
    until: untilOf(parts.get("UNTIL"), zone, number),
    monthDays: numbers("BYMONTHDAY"),
    months: numbers("BYMONTH"),
    positions: numbers("BYSETPOS"),
    weekStart: dayNames.indexOf(parts.get("WKST") ?? "MO") + 1,
  };
}

function untilOf(text: string | undefined, zone: string | undefined, number: number): Temporal.PlainDateTime | undefined {
  if (text === undefined) return undefined;
  const [, date, time, utc] = /^(\d{8})(?:T(\d{6})(Z)?)?$/.exec(text) ?? [];
  if (date === undefined) throw new CalendarProblem(`line ${number}: expected UNTIL as 20261231T225959Z, came ${text}`);
  const at = Temporal.PlainDateTime.from(`${date}T${time ?? "235959"}`);
  return utc === undefined || zone === undefined ? at : at.toZonedDateTime("UTC").withTimeZone(zone).toPlainDateTime();
}

/** Rules that never come true (the 31st of February) end here: more than a century of days. */
const mostPeriods = 40_000;

/** In order, from the event's start on; COUNT and UNTIL are kept, where to stop otherwise is the caller's to say. */
export function* startsOf(start: Temporal.PlainDateTime, rule: Rule): Generator<Temporal.PlainDateTime, void, void> {
  let left = rule.count ?? Number.POSITIVE_INFINITY;
  const time = start.toPlainTime();
  for (let period = 0; period < mostPeriods; period += 1) {
    const days = chosen(daysOf(start.toPlainDate(), rule, period * rule.interval), rule.positions);
    for (const day of days) {
      const at = day.toPlainDateTime(time);
      if (Temporal.PlainDateTime.compare(at, start) < 0) continue;
      if (left <= 0 || (rule.until !== undefined && Temporal.PlainDateTime.compare(at, rule.until) > 0)) return;
      left -= 1;
      yield at;
    }
    if (left <= 0) return;
  }
}

function chosen(days: readonly Temporal.PlainDate[], positions: readonly number[]): readonly Temporal.PlainDate[] {
  const sorted = days.toSorted(Temporal.PlainDate.compare);
  if (positions.length === 0) return sorted;
  return sorted.filter((_, at) => positions.includes(at + 1) || positions.includes(at - sorted.length));
}

/** The days of the n-th day, week, month or year after the first. */
function daysOf(first: Temporal.PlainDate, rule: Rule, n: number): readonly Temporal.PlainDate[] {
  const inMonths = (date: Temporal.PlainDate) => rule.months.length === 0 || rule.months.includes(date.month);
  const onDays = (date: Temporal.PlainDate) => rule.days.length === 0 || rule.days.some(({ day }) => day === date.dayOfWeek);
  switch (rule.frequency) {
    case "DAILY": {
      const date = first.add({ days: n });
      return inMonths(date) && onDays(date) && (rule.monthDays.length === 0 || isMonthDay(date, rule.monthDays)) ? [date] : [];
    }
    case "WEEKLY": {
      const monday = first.subtract({ days: (first.dayOfWeek - rule.weekStart + 7) % 7 }).add({ weeks: n });
      const week = Array.from({ length: 7 }, (_, day) => monday.add({ days: day }));
      return week.filter((date) => inMonths(date) && (rule.days.length === 0 ? date.dayOfWeek === first.dayOfWeek : onDays(date)));
    }
    case "MONTHLY": {
      const month = first.with({ day: 1 }).add({ months: n });
      return inMonths(month) ? daysOfMonth(month, first.day, rule) : [];
    }
    case "YEARLY": {
      const year = first.with({ day: 1 }).add({ years: n });
      const months = rule.months.length === 0 ? [first.month] : rule.months;
      return months.flatMap((month) => daysOfMonth(year.with({ month }), first.day, rule));
    }
  }
}

function daysOfMonth(month: Temporal.PlainDate, usual: number, { days, monthDays }: Rule): readonly Temporal.PlainDate[] {
  const all = Array.from({ length: month.daysInMonth }, (_, at) => month.with({ day: at + 1 }));
  return all.filter((date) => {
    if (monthDays.length > 0 && !isMonthDay(date, monthDays)) return false;
    if (days.length > 0) return days.some((wanted) => isNth(date, wanted));
    return monthDays.length > 0 || date.day === usual;
  });
}

const isMonthDay = (date: Temporal.PlainDate, wanted: readonly number[]): boolean =>
  wanted.includes(date.day) || wanted.includes(date.day - date.daysInMonth - 1);

function isNth(date: Temporal.PlainDate, { day, nth }: Rule["days"][number]): boolean {
  if (date.dayOfWeek !== day) return false;
  const fromEnd = -Math.ceil((date.daysInMonth - date.day + 1) / 7);
  return nth === 0 || nth === Math.ceil(date.day / 7) || nth === fromEnd;
}
