/**
 * `bun run test:long [<part of a file's name> ...]`: every test that takes too long for each change, one file after another. What each
 * file came to stands, with date and commit, in a section of docs/proof.md. Ends with `N passed, N failed`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import { readReport, type Tally } from "../run.ts";

const repository = dirname(dirname(import.meta.dir));
const begin = "<!-- long: written by `bun run test:long` -->";
const end = "<!-- /long -->";
const longestMs = 4 * 3_600_000;

interface Result {
  readonly file: string;
  readonly tally: Tally;
  readonly minutes: number;
  /** What the tests printed about what they found. */
  readonly said: readonly string[];
}

const isFinding = (line: string) =>
  /^(\{"tries"|after 10,000 turns|[\d,]+ kills of |[\d,]+ messages in a burst|a conversation of [\d.]+ million)/.test(line);

async function run(file: string): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "pincer-long-"));
  const report = join(folder, "report.xml");
  const options = [`--timeout=${longestMs}`, "--reporter=junit", `--reporter-outfile=${report}`];
  const began = clock.monotonic();
  const child = Bun.spawn([process.execPath, "test", ...options, `./${file}`], {
    cwd: repository,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said: string[] = [];
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of child.stdout) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      console.log(line);
      if (isFinding(line)) said.push(line);
    }
  }
  await child.exited;
  const tally: Tally = { passed: 0, failed: [], skipped: [], reasons: {} };
  try {
    readReport(readFileSync(report, "utf8"), [file], tally);
  } catch {
    tally.failed.push(`${file}: it broke before its first test`); // silent-ok: what it printed says why
  }
  rmSync(folder, { recursive: true });
  return { file, tally, minutes: (clock.monotonic() - began) / 60_000, said };
}

const git = (...words: string[]) =>
  Bun.spawnSync(["git", ...words], { cwd: repository })
    .stdout.toString()
    .trim();

/** What stands in the section about one file: its row, and what it found. */
function linesOf({ file, tally: { passed, failed, skipped }, minutes, said }: Result): readonly string[] {
  const date = new Date(clock.now()).toISOString().slice(0, 10);
  const changed =
    git("status", "--porcelain", "--", "kernel", "plugin-host", "plugins", "plugin-sdk", "store") === "" ? "" : " with changes";
  const outcome = [`${passed} passed`, `${failed.length} failed`, ...(skipped.length > 0 ? [`${skipped.length} skipped`] : [])].join(", ");
  const name = `\`${basename(file)}\``;
  return [
    `| ${name} | ${outcome} | ${minutes.toFixed(1)} | ${git("rev-parse", "--short", "HEAD")}${changed}, ${date} |`,
    ...said.map((line) => `- ${name}: \`${line}\``),
    ...failed.map((title) => `- ${name}: FAILED ${title}`),
  ];
}

/** What did not run this time stays as it stands there. */
function sectionOf(results: readonly Result[], before: string): string {
  const ran = new Set(results.map(({ file }) => `\`${basename(file)}\``));
  const kept = before.split("\n").filter((line) => /^(\| |- )`/.test(line) && !ran.has(/`[^`]*`/.exec(line)?.[0] ?? ""));
  const lines = [...kept, ...results.flatMap(linesOf)];
  const rows = lines.filter((line) => line.startsWith("| ")).sort();
  const findings = lines.filter((line) => line.startsWith("- "));
  return [
    "## The long tier",
    "",
    "`bun run test:long [part of a file's name]`: the last result of each file.",
    "",
    "| file | outcome | minutes | commit, date |",
    "|---|---|---|---|",
    ...rows,
    "",
    ...findings,
  ]
    .join("\n")
    .trim();
}

function writeProof(results: readonly Result[]): void {
  const path = join(repository, "docs", "proof.md");
  const text = readFileSync(path, "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  const [head, before, tail] =
    from === -1 || to === -1
      ? [`${text.trimEnd()}\n\n`, "", "\n"]
      : [text.slice(0, from), text.slice(from, to), text.slice(to + end.length)];
  writeFileSync(path, `${head}${begin}\n${sectionOf(results, before)}\n${end}${tail}`);
}

const filters = process.argv.slice(2);
const files = [...new Bun.Glob("tests/long/**/*.test.ts").scanSync({ cwd: repository })]
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
  .sort();
const results: Result[] = [];
for (const file of files) results.push(await run(file));
const all = results.map(({ tally }) => tally);
for (const name of all.flatMap(({ skipped }) => skipped)) console.log(`SKIPPED  ${name}`);
for (const name of all.flatMap(({ failed }) => failed)) console.log(`FAILED   ${name}`);
writeProof(results);
const failed = all.reduce((sum, tally) => sum + tally.failed.length, 0);
console.log(`${all.reduce((sum, { passed }) => sum + passed, 0)} passed, ${failed} failed`);
process.exitCode = failed === 0 && files.length > 0 ? 0 : 1;
