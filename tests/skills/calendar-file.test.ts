import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { walkSkill } from "./walk.ts";

const calendar = [
  "BEGIN:VCALENDAR",
  "VERSION:2.0",
  "PRODID:-//A test//EN",
  "BEGIN:VEVENT",
  "UID:standup-1",
  "DTSTAMP:20260101T000000Z",
  "DTSTART;TZID=Europe/Berlin:20260105T090000",
  "DTEND;TZID=Europe/Berlin:20260105T091500",
  "SUMMARY:Stand-up\\, daily",
  "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
  "END:VEVENT",
  "BEGIN:VEVENT",
  "UID:old-party",
  "DTSTAMP:20260101T000000Z",
  "DTSTART;VALUE=DATE:20261205",
  "SUMMARY:Party",
  "END:VEVENT",
  "END:VCALENDAR",
  "",
].join("\r\n");

walkSkill("calendar-file", {
  async prepare({ folder }) {
    writeFileSync(join(folder, "calendar.ics"), calendar);
    return undefined;
  },
  flow: ["What is on", "Add"],
  outcomes: {
    "What is on": [
      [
        "2026-12-03 Thu  09:00-09:15  Stand-up, daily  (repeats)  [standup-1]",
        "2026-12-04 Fri  09:00-09:15  Stand-up, daily  (repeats)  [standup-1]",
        "2026-12-05 Sat  all day      Party  [old-party]",
        "2026-12-04 Fri  09:00-09:15  Stand-up, daily  (repeats)  [standup-1]",
        "2026-12-05 Sat  all day      Party  [old-party]",
        "nothing from 2026-01-01 to 2026-12-31",
      ].join("\n"),
    ],
    Add: /^2026-12-04 Fri {2}09:15-10:00 {2}Dentist {2}@ Mill Road 3 {2}\[.*@pincer\]\n2026-12-10 Thu {2}all day {6}Ada: birthday {2}\(repeats\) {2}\[.*\]\n2026-12-07 Mon {2}10:00-10:30 {2}Team/,
    "Cancel or move": [
      "removed: Stand-up, daily on 2026-12-04 [standup-1]\nremoved: Party [old-party]",
      /"uid": "standup-1"[\s\S]*"zone": "Europe\/Berlin"/,
    ],
    "repeating.md: Ways to repeat":
      /2026-11-30 Mon[\s\S]*\n2026-11-30 Mon {2}16:00.*\n2026-12-31 Thu .*\n2027-01-29 Fri .*\n2027-02-26 Fri .*\n2027-03-31 Wed {2}16:00.*\n2027-04-30 Fri .*\n$/,
  },
});

const script = join(dirname(dirname(import.meta.dir)), "skills", "calendar-file", "scripts", "calendar.ts");

/** The calendar with these lines of events, and what the script says of it. */
async function ask(events: readonly string[], ...words: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "pincer-calendar-"));
  try {
    const file = join(folder, "a.ics");
    const [verb = "", ...rest] = words;
    writeFileSync(file, ["BEGIN:VCALENDAR", "VERSION:2.0", ...events, "END:VCALENDAR", ""].join("\r\n"));
    const child = Bun.spawn([process.execPath, script, verb, file, ...rest], {
      env: { PATH: "", TZ: "UTC" },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err, exit] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
    return { out, err: err.replaceAll(file, "a.ics"), exit, file: readFileSync(file, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const event = (...lines: readonly string[]) => ["BEGIN:VEVENT", "UID:a", "SUMMARY:It", ...lines, "END:VEVENT"];
const days = (out: string) =>
  out
    .trim()
    .split("\n")
    .map((line) => `${line.slice(0, 10)} ${line.slice(16, 21)}`);
const berlin = ["--zone", "Europe/Berlin"];

test.each([
  [
    "a week has no hole or double where the clock changes",
    ["DTSTART;TZID=Europe/Berlin:20261023T080000", "RRULE:FREQ=DAILY;COUNT=4"],
    ["2026-10-23 08:00", "2026-10-24 08:00", "2026-10-25 08:00", "2026-10-26 08:00"],
  ],
  [
    "what is in UTC moves on the clock when that changes",
    ["DTSTART:20261024T060000Z", "RRULE:FREQ=DAILY;COUNT=2"],
    ["2026-10-24 08:00", "2026-10-25 07:00"],
  ],
  [
    "every second week, on two days, beginning in the middle of one",
    ["DTSTART:20261105T080000", "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;COUNT=4"],
    ["2026-11-05 08:00", "2026-11-16 08:00", "2026-11-19 08:00", "2026-11-30 08:00"],
  ],
  [
    "the 31st is only in months that have it",
    ["DTSTART:20261031T080000", "RRULE:FREQ=MONTHLY;COUNT=3"],
    ["2026-10-31 08:00", "2026-12-31 08:00", "2027-01-31 08:00"],
  ],
  [
    "the last day of each month",
    ["DTSTART:20261031T080000", "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3"],
    ["2026-10-31 08:00", "2026-11-30 08:00", "2026-12-31 08:00"],
  ],
  [
    "the last Sunday of March each year",
    ["DTSTART:20240331T080000", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;COUNT=4"],
    ["2026-03-29 08:00", "2027-03-28 08:00"],
  ],
  [
    "until a moment in UTC, that one included",
    ["DTSTART;TZID=Europe/Berlin:20261201T080000", "RRULE:FREQ=DAILY;UNTIL=20261202T070000Z"],
    ["2026-12-01 08:00", "2026-12-02 08:00"],
  ],
  [
    "days that are taken out count, and are not shown",
    ["DTSTART;TZID=Europe/Berlin:20261201T080000", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20261202T070000Z"],
    ["2026-12-01 08:00", "2026-12-03 08:00"],
  ],
  [
    "days that are added",
    ["DTSTART:20261201T080000", "RDATE:20261205T100000,20261203T090000"],
    ["2026-12-01 08:00", "2026-12-03 09:00", "2026-12-05 10:00"],
  ],
  ["a zone as Windows calls it", ["DTSTART;TZID=Eastern Standard Time:20261201T080000"], ["2026-12-01 14:00"]],
  ["29 February", ["DTSTART;VALUE=DATE:20240229", "RRULE:FREQ=YEARLY"], ["2028-02-29 all d"]],
] as const)("%s", async (_, lines, wanted) => {
  const { out, err, exit } = await ask(event(...lines), "list", "--from", "2026-01-01", "--to", "2028-12-31", ...berlin);
  expect({ days: days(out), err, exit }).toEqual({ days: [...wanted], err: "", exit: 0 });
});

test("one time of an event that repeats can be at another time, or cancelled", async () => {
  const all = [
    ...event("DTSTART:20261201T080000Z", "RRULE:FREQ=DAILY;COUNT=3"),
    ...event("RECURRENCE-ID:20261202T080000Z", "DTSTART:20261202T150000Z"),
    ...event("RECURRENCE-ID:20261203T080000Z", "DTSTART:20261203T080000Z", "STATUS:CANCELLED"),
  ];
  const { out } = await ask(all, "list", "--from", "2026-12-01", "--zone", "UTC");
  expect(days(out)).toEqual(["2026-12-01 08:00", "2026-12-02 15:00"]);
});

test("what is running, and what lasts for days, is found in the middle of it", async () => {
  const { out } = await ask(
    event("DTSTART;VALUE=DATE:20261201", "DTEND;VALUE=DATE:20261205"),
    "list",
    "--from",
    "2026-12-04",
    "--to",
    "2026-12-04",
  );
  expect(out).toBe("2026-12-01 Tue  all day until 2026-12-04  It  [a]\n");
  const after = await ask(
    event("DTSTART;VALUE=DATE:20261201", "DTEND;VALUE=DATE:20261205"),
    "list",
    "--from",
    "2026-12-05",
    "--to",
    "2026-12-06",
  );
  expect(after.out).toBe("nothing from 2026-12-05 to 2026-12-06\n");
});

test("what is added reads back, also with commas, several lines and letters of every kind, in lines that no program refuses", async () => {
  const title = "Lunch, with; Zoë \\ 昼食を一緒に食べませんか、とても美味しいお店があります";
  const { file, exit } = await ask([], "add", title, "--start", "2026-12-04T12:00", "--notes", "one\ntwo", ...berlin, "--repeat", "weekly");
  expect(exit).toBe(0);
  expect(file.split("\r\n").filter((line) => Buffer.byteLength(line) > 75)).toEqual([]);
  expect(file).not.toMatch(/[^\r]\n/);
  expect(file).toContain("BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n");
  expect(file).toContain("DTSTART:20261025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n");
  const body = file.split("\r\n").slice(2, -2);
  const { out } = await ask(body, "list", "--from", "2027-07-02", "--to", "2027-07-02", "--json", ...berlin);
  expect(JSON.parse(out)).toMatchObject([{ title, description: "one\ntwo", start: "2027-07-02T12:00:00+02:00", repeats: true }]);
});

test("what is at the same time is told, but for what takes the whole day", async () => {
  const there = [...event("DTSTART:20261204T080000Z", "DURATION:PT1H"), ...event("UID:b", "DTSTART;VALUE=DATE:20261204")];
  const { err } = await ask(there, "add", "New", "--start", "2026-12-04T08:30", "--zone", "UTC");
  expect(err).toBe("at the same time:\n  2026-12-04 Fri  08:00-09:00  It  [a]\n");
  expect((await ask(there, "add", "New", "--start", "2026-12-04")).err).toBe("");
  expect((await ask(there, "add", "New", "--start", "2026-12-04T09:00", "--zone", "UTC")).err).toBe("");
});

test("a change leaves every other byte as it was", async () => {
  const odd = [
    'X-ODD;A="b:c":kept  ',
    ...event("DTSTART:20261201T080000Z", "DESCRIPTION:a long", "  line", "X-OWN:kept"),
    ...event("UID:b", "DTSTART:20261201T080000Z"),
  ];
  const added = await ask(odd, "add", "New", "--start", "2026-12-04");
  expect(added.file.replace(/BEGIN:VEVENT\r\nUID:[^\r]+@pincer[\s\S]*?END:VEVENT\r\n/, "")).toBe(
    ["BEGIN:VCALENDAR", "VERSION:2.0", ...odd, "END:VCALENDAR", ""].join("\r\n"),
  );
});

test.each([
  [["list", "--from", "tomorrow"], 2, /expected --from as 2026-12-03T09:00 or 2026-12-03, came "tomorrow"/],
  [["list", "--zone", "Mars/Olympus"], 2, /expected a time zone such as Europe\/Berlin, came "Mars\/Olympus"/],
  [["list", "--form", "2026-12-01"], 2, /there is no option --form; there are: --from/],
  [["add", "X"], 2, /expected --start, came none/],
  [["add", "X", "--start", "2026-12-01T10:00", "--end", "2026-12-01T09:00"], 2, /expected an end behind the start/],
  [["add", "X", "--start", "2026-12-01T10:00", "--repeat", "FREQ=HOURLY"], 2, /expected --repeat as weekly or FREQ=WEEKLY/],
  [["remove", "z"], 1, /there is no event with the uid "z" in a.ics/],
  [["remove", "a", "--on", "2026-12-02"], 1, /It is not on 2026-12-02/],
  [["dance"], 2, /there is no "dance"\ncalendar.ts list/],
] as const)("%p is refused in words", async (words, exit, says) => {
  const before = event("DTSTART:20261201T080000Z");
  const answer = await ask(before, ...words);
  expect({ exit: answer.exit, err: answer.err }).toEqual({ exit, err: expect.stringMatching(says) });
  expect(answer.file).toBe(["BEGIN:VCALENDAR", "VERSION:2.0", ...before, "END:VCALENDAR", ""].join("\r\n"));
});

test("a file that is cut off is not read as if it were whole, nor written", async () => {
  expect(await ask(["BEGIN:VEVENT", "UID:a"], "list")).toMatchObject({ exit: 1, err: expect.stringMatching(/expected END:VEVENT/) });
  expect(await ask(["BEGIN:VEVENT", "UID:a"], "add", "X", "--start", "2026-12-01")).toMatchObject({
    exit: 1,
    err: expect.stringMatching(/expected END:VEVENT/),
  });
});

test.each([
  [["BEGIN:VEVENT", "UID:x", "SUMMARY:Odd", "END:VEVENT"], /the event "Odd" in lines 8 to 11 is left out: line 8: expected a DTSTART/],
  [event("DTSTART:next week"), /the event "It" .*: line 11: DTSTART: expected a time such as 20261203T090000, came "next week"/],
  [event("DTSTART:20261399T000000Z"), /the event "It" .* is left out/],
  [["no colon here"], /line 8: expected NAME:value, came "no colon here"/],
] as const)("what cannot be read is named with its line, and hides nothing else: %p", async (lines, says) => {
  const fine = event("DTSTART:20261201T080000Z");
  const { out, err, exit } = await ask([...fine, ...lines], "list", "--from", "2026-12-01", "--zone", "UTC");
  expect({ out, exit }).toEqual({ out: "2026-12-01 Tue  08:00-08:00  It  [a]\n", exit: 0 });
  expect(err).toMatch(says);
});

test("a change keeps what is in no calendar's rules, such as separators of Unicode within a text", async () => {
  const odd = event("DTSTART:20261201T080000Z", "DESCRIPTION:one\u2028two\u2029three\u0085four");
  const { file } = await ask([...odd, ...event("UID:b", "DTSTART:20261202T080000Z")], "remove", "nothing-such");
  const removed = await ask([...odd, "BEGIN:VEVENT", "UID:b", "DTSTART:20261202T080000Z", "END:VEVENT"], "remove", "b");
  expect(removed.file).toBe(["BEGIN:VCALENDAR", "VERSION:2.0", ...odd, "END:VCALENDAR", ""].join("\r\n"));
  expect(file).toContain("two\u2029three");
});

test("what cannot be understood is said, and the rest is shown", async () => {
  const lines = [...event("DTSTART:20261201T080000Z", "RRULE:FREQ=YEARLY;BYWEEKNO=20"), ...event("DTSTART;TZID=Nowhere:20261202T080000")];
  const { out, err } = await ask(lines, "list", "--from", "2026-12-01");
  expect(days(out)).toEqual(["2026-12-01 08:00", "2026-12-02 08:00"]);
  expect(err).toMatch(
    /warning: line 7: the repetition FREQ=YEARLY;BYWEEKNO=20 is not understood[\s\S]*warning: there is no time zone "Nowhere"/,
  );
});
