/** Days and months where the operator lives, daylight saving included. */

export interface Calendar {
  readonly timeZone: string;
  /** As `2026-11-30`. */
  dateOf(at: number): string;
  /** When the day, or the month, of that moment ends. */
  endOfDay(at: number): number;
  endOfMonth(at: number): number;
  /** For people: `1 December 2026, 00:00`. */
  show(at: number): string;
}

const HOUR_MS = 3_600_000;

/** Throws `RangeError` when there is no such time zone. */
export function createCalendar(wanted: string | undefined): Calendar {
  // The calendar and the digits are those of the locale: to be told them ICU would list all that it knows, for 15 ms.
  const day = new Intl.DateTimeFormat("en-CA", {
    ...(wanted === undefined ? {} : { timeZone: wanted }),
    ...({ year: "numeric", month: "2-digit", day: "2-digit" } as const),
  });
  const { timeZone } = day.resolvedOptions();
  const shown = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    ...({ day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const),
  });

  const dateOf = (at: number): string => {
    const parts = new Map(day.formatToParts(at).map(({ type, value }) => [type, value]));
    return `${parts.get("year")}-${parts.get("month")}-${parts.get("day")}`;
  };

  /** The first moment, at most so far away, at which the text is another. */
  const change = (at: number, mostMs: number, of: (at: number) => string): number => {
    const now = of(at);
    let [same, other] = [at, at + mostMs];
    while (other - same > 1) {
      const middle = Math.floor((same + other) / 2);
      if (of(middle) === now) same = middle;
      else other = middle;
    }
    return other;
  };

  return {
    timeZone,
    dateOf,
    endOfDay: (at) => change(at, 26 * HOUR_MS, dateOf),
    endOfMonth: (at) => change(at, 32 * 24 * HOUR_MS, (moment) => dateOf(moment).slice(0, 7)),
    show: (at) => shown.format(at).replace(" at ", ", "),
  };
}
