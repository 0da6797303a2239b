/** A plan, as a person reads it before saying yes. */
import { columns } from "@pincer/plugin-sdk/command/columns";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import { instructionsOf } from "../engine/package/about-skill.ts";
import type { Plan, PlanItem } from "../engine/plan/plan.ts";
import type { Info, Reasons } from "../engine/questions.ts";

export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;

const size = (bytes: number): string =>
  bytes < 1024 ? `${bytes} B` : bytes < 1024 ** 2 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`;

const verbs: Readonly<Record<PlanItem["action"], string>> = {
  ...{ install: "install", enable: "turn on", update: "update", rollback: "go back with", remove: "remove", disable: "turn off" },
  ...{ restore: "restore", keep: "keep" },
};

const versions = ({ from, to }: PlanItem): string =>
  from !== undefined && to !== undefined && from !== to ? `${from} -> ${to}` : (to ?? from ?? "");

const tokens = (count: number): string => `${count.toLocaleString("en")} token${count === 1 ? "" : "s"}`;

/** So many lines somebody reads before saying yes; the rest is in `--json`. */
const mostLines = 200;

function changedLines(before = "", after = ""): readonly string[] {
  const [was, is] = [before.split("\n"), after.split("\n")];
  const [known, kept] = [new Set(was), new Set(is)];
  const [gone, come] = [was.filter((line) => !kept.has(line)), is.filter((line) => !known.has(line))];
  const lines = [...gone.map((line) => `- ${line}`), ...come.map((line) => `+ ${line}`)];
  if (lines.length === 0) return ["the same lines, in another order or number"];
  return lines.length <= mostLines
    ? lines
    : [...lines.slice(0, mostLines), `and ${lines.length - mostLines} lines more, which --json shows`];
}

function* rowsOf(item: PlanItem): Generator<readonly [name: string, said: string], void, void> {
  const {
    summary,
    source,
    size: bytes,
    files,
    dependencies = 0,
    publisher,
    permissions,
    gained,
    lost,
    modelText,
    reads,
    requires = [],
    notices,
    from,
    action,
  } = item;
  if (summary !== "") yield ["", summary];
  yield ["from", source];
  if (bytes !== undefined && action !== "keep") {
    const brings = dependencies > 0 ? `, and ${counted(dependencies, "package")} of others` : "";
    yield ["size", `${size(bytes)} in ${counted(files ?? 0, "file")}${brings}`];
  }
  if (publisher)
    yield [
      "by",
      [publisher.name, ...publisher.fingerprints].join("  ") + (publisher.threshold > 1 ? `  (${publisher.threshold} sign)` : ""),
    ];
  const isChange = from !== undefined && action !== "restore";
  const mark = (permission: string) => (gained.includes(permission) ? "+ " : isChange ? "  " : "");
  if (["install", "enable", "update", "rollback", "restore"].includes(action) && permissions.length === 0)
    yield ["may", item.kind === "skills" ? "call no tool while it is used" : "nothing beyond its own folder"];
  for (const [index, { risk, permission, text }] of permissions.entries())
    yield [index === 0 ? "may" : "", `${mark(permission)}${risk === "high" ? "risky: " : ""}${text} [${permission}]`];
  for (const permission of lost) yield ["", `- no longer: ${permission}`];
  if (requires.length > 0) yield ["needs", requires.join(", ")];
  for (const { what, before, after } of modelText) {
    if (isChange) {
      yield ["tells", `the model something else, of ${what}:`];
      for (const line of changedLines(before, after)) yield ["", line];
    } else if (what !== instructionsOf(item.id)) yield ["tells", `the model, of ${what}: ${after?.split("\n")[0] ?? ""}`];
  }
  if (reads && action !== "keep") yield ["reads", `${tokens(reads.eachTurn)} in each turn, ${tokens(reads.whenUsed)} when it is used`];
  for (const { level, text } of notices) yield [level === "note" ? "note" : "look", text];
}

/** The names of what is said stand in one column, so wide in everything that is shown. */
const rowsShown = (rows: readonly (readonly [name: string, said: string])[], least: number): readonly string[] =>
  columns(
    rows.map(([name, said]) => [name, plainly(said)] as const),
    { indent: "  ", least },
  );

export function shownPlan({ items }: Plan): string {
  return items
    .map((item) => {
      const head = `${verbs[item.action]} ${item.kind === "skills" ? "skill " : ""}${item.id} ${versions(item)}`.trimEnd();
      const rows = item.action === "keep" && item.notices.length === 0 ? [] : [...rowsOf(item)];
      return [plainly(head), ...rowsShown(rows, 5)].join("\n");
    })
    .join("\n");
}

/** What is to be typed so that it is done without being asked. */
export const acceptedBy = (items: readonly PlanItem[]): string =>
  ["--yes", ...new Set(items.flatMap(({ needs }) => needs.map((need) => `--accept ${quoted(need)}`)))].join(" ");

/** As a shell takes it for one word, whatever it is. */
const quoted = (word: string): string => {
  if (/^[\w.-]+$/.test(word)) return word;
  return /^[\w .,:/@~*-]+$/.test(word) ? `"${word}"` : `'${word.replaceAll("'", "'\\''")}'`;
};

const done: Readonly<Record<PlanItem["action"], string>> = {
  ...{
    install: "is installed",
    enable: "is on",
    update: "is up to date now",
    rollback: "is back",
    remove: "is removed",
    disable: "is off",
  },
  ...{ restore: "is as the lock says", keep: "stays as it is" },
};

export const shownDone = (id: string, version: string | undefined, action: PlanItem["action"]): string =>
  `${[id, version].filter(Boolean).join(" ")} ${done[action]}`;

export function shownInfo({ item, versions, isInstalled, pinned, before }: Info): string {
  const has = [
    isInstalled ? "installed" : "not installed",
    ...(pinned ? ["pinned"] : []),
    ...(before === null ? [] : [`${before} is kept`]),
  ];
  const shown = versions
    .slice(0, 5)
    .map(({ version, publishedAt, yanked }) => `${version} (${publishedAt.slice(0, 10)}${yanked === null ? "" : ", yanked"})`);
  const rows: (readonly [string, string])[] = [
    ...rowsOf({ ...item, action: "install", gained: [], lost: [], from: undefined }),
    ...(shown.length > 0 ? [["has", shown.join(", ")] as const] : []),
    ["is", has.join(", ")],
  ];
  return [plainly(`${item.id} ${item.to ?? ""}`), ...rowsShown(rows, 5)].join("\n");
}

export function shownReasons({ id, reasons, neededBy, needs }: Reasons): string {
  const optional = (is: boolean) => (is ? ", when it is there" : "");
  const rows = [
    ...reasons.map((said) => ["here", said] as const),
    ...neededBy.map((by) => ["used", `by ${by.id}: ${by.contract}${optional(by.optional)}`] as const),
    ...needs.map(
      ({ contract, optional: is, providers }) =>
        ["uses", `${contract}${optional(is)}${providers.length > 0 ? ` of ${providers.join(", ")}` : ""}`] as const,
    ),
  ];
  return [plainly(id), ...rowsShown(rows, 4)].join("\n");
}
