/** The fixed tier, as `pincer test` runs it: style, types and every test but the long ones. Ends with `N passed, N failed`. */
import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runningPrefix } from "../kernel/cli/home.ts";

export interface Tally {
  passed: number;
  readonly failed: string[];
  readonly skipped: string[];
  /** What those that failed said, by name. */
  readonly reasons: Record<string, string>;
}

const repository = dirname(import.meta.dir);
const folders = ["kernel", "plugin-host", "plugin-kit", "plugin-sdk", "plugins", "registry", "skills", "store", "tests"];
/** Long enough for a test that starts a gateway on a machine that is busy. */
const testMs = 120_000;

/** Counts a JUnit report. A file that is not in it holds no test, or broke before its first: that fails. */
export function readReport(xml: string, files: readonly string[], tally: Tally): void {
  const seen = new Set<string>();
  let file = "";
  for (const [whole, tag, rest = "", reason = ""] of xml.matchAll(
    /<(testsuite|testcase) ([^>]*?)\/?>(?:\s*<(?:skipped|failure|error)[^>]*>([^<]*))?/g,
  )) {
    file = attribute(rest, "file") ?? file;
    if (tag === "testsuite") continue;
    seen.add(file);
    const title = [attribute(rest, "classname") ?? "", attribute(rest, "name") ?? ""].filter((part) => part !== "" && part !== file);
    const name = `${file}: ${title.join(" > ")}`;
    if (/<(failure|error)/.test(whole)) {
      tally.failed.push(name);
      tally.reasons[name] = plain(reason).trim();
    } else if (whole.includes("<skipped")) tally.skipped.push(/\[needs /.test(name) ? name : `${name} (it does not say why)`);
    else tally.passed += 1;
  }
  for (const missing of files.filter((path) => !seen.has(path))) tally.failed.push(`${missing}: no test ran`);
}

/** Counts what `bun test` had said when it was ended, which is before it writes a report: that some of the files did not end fails. */
export function readSaid(said: string, files: readonly string[], tally: Tally, why: string): void {
  const left = new Set(files);
  let file = "";
  for (const line of Bun.stripANSI(said).split("\n")) {
    const [, result, name = ""] = /^\((pass|fail|skip)\) (.*?)(?: \[[\d.]+m?s\])?$/.exec(line) ?? [];
    const header = line.endsWith(":") ? line.slice(0, -1) : "";
    if (left.delete(header)) file = header;
    else if (result === "pass") tally.passed += 1;
    else if (result === "fail") tally.failed.push(`${file}: ${name}`);
    else if (result === "skip") tally.skipped.push(`${file}: ${name}`);
  }
  if (file !== "") tally.failed.push(`${file}: was running, or had just ended, when ${why} ended it`);
  if (left.size > 0) tally.failed.push(`${left.size} test files did not begin before ${why}`);
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&", "#10": "\n" };
const plain = (text: string): string => text.replace(/&(lt|gt|quot|apos|amp|#10);/g, (_, entity: string) => entities[entity]!);

function attribute(text: string, name: string): string | undefined {
  const value = new RegExp(`(?:^| )${name}="([^"]*)"`).exec(text)?.[1];
  return value === undefined ? undefined : plain(value);
}

/** Short enough to be read at the end of everything else. */
const shortened = (reason: string): readonly string[] =>
  reason.split("\n").flatMap((line, at) => (at < 16 && line.trim() !== "" ? `         ${line.slice(0, 240)}` : []));

function testFiles(filters: readonly string[]): string[] {
  const found = folders.flatMap((folder) => [...new Bun.Glob(`${folder}/**/*.test.{ts,tsx}`).scanSync({ cwd: repository })]);
  return (
    found
      // The templates' own tests run in the plugins that are made from them.
      .filter((file) => !/node_modules\/|^tests\/long\/|^plugin-kit\/templates\//.test(file))
      .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
      .sort()
  );
}

interface Started {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where its output goes: a file that is open. */
  readonly output: number;
}

const running = new Set<Bun.Subprocess>();
/** The signal that told this to end. */
let ended: NodeJS.Signals | undefined;

/** Each in a group of its own, which is ended as one: a test's gateways are to go with it. */
async function run(command: readonly string[], { cwd, env, output }: Started): Promise<number | undefined> {
  if (ended) return undefined;
  const child = Bun.spawn([process.execPath, ...command], { cwd, ...(env && { env }), stdio: ["ignore", output, output], detached: true });
  running.add(child);
  await child.exited;
  running.delete(child);
  return child.exitCode ?? undefined;
}

function endAll(): void {
  for (const { pid } of running) {
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // silent-ok: it has ended meanwhile
    }
  }
}

/** Its outcome, and all that it said. */
async function heard(command: readonly string[], cwd: string): Promise<{ readonly exitCode: number | undefined; readonly said: string }> {
  const folder = mkdtempSync(join(tmpdir(), "pincer-test-"));
  const file = openSync(join(folder, "said"), "a");
  const exitCode = await run(command, { cwd, output: file });
  closeSync(file);
  const said = readFileSync(join(folder, "said"), "utf8");
  rmSync(folder, { recursive: true });
  return { exitCode, said };
}

/** What can be installed without being root: the plugins' own packages, those of their tests too. */
async function prepare(tally: Tally, say: (line: string) => void): Promise<void> {
  const plugins = join(repository, "plugins");
  for (const id of readdirSync(plugins)) {
    const lock = join(plugins, id, "bun.lock");
    const stamp = join(plugins, id, "node_modules", ".pincer-tests");
    // A lock of nothing is one that Bun would remove.
    if (!existsSync(lock) || !readFileSync(lock, "utf8").includes('"packages"')) continue;
    if (existsSync(stamp) && readFileSync(stamp, "utf8") === readFileSync(lock, "utf8")) continue;
    say(`installing the packages of ${id}`);
    const { exitCode, said } = await heard(["install", "--frozen-lockfile", "--ignore-scripts"], join(plugins, id));
    if (exitCode === 0) cpSync(lock, stamp);
    else tally.failed.push(`the packages of ${id} cannot be installed: ${said.trim().split("\n").at(-1)}`);
  }
}

/** The bundle that people's commands run from, which starts in a third of what the source takes; undefined where it cannot be made. */
async function bundle(tally: Tally): Promise<string | undefined> {
  const builds = join(repository, ".build");
  const { exitCode, said } = await heard(["bundle.ts"], repository);
  if (exitCode !== 0) return void tally.failed.push(`the source cannot be bundled: ${said.trim()}`);
  const folder = join(builds, readFileSync(join(builds, "current"), "utf8"));
  // It stays as long as this runs, as it does for a gateway.
  writeFileSync(join(folder, `${runningPrefix}${process.pid}`), "");
  return join(folder, "main.js");
}

async function check(tally: Tally, name: string, command: readonly string[], say: (line: string) => void): Promise<void> {
  const { exitCode, said } = await heard(command, repository);
  if (exitCode === 0) tally.passed += 1;
  else {
    tally.failed.push(`${name}: ${ended ? `not ended when ${ended} came` : command.join(" ")}`);
    say(said);
  }
  say(`${exitCode === 0 ? "ok" : "FAILED"}  ${name}`);
}

/** So few that the last of them does not keep everybody waiting, so many that their start does not count. */
const filesAtOnce = 30;
/** Tests wait for the system at times: two cores have work for three. More would make each wait for its turn. */
const batchesAtOnce = 3;

/** Those that take longest first: they go through the user's door, with a program for each step. */
function batchesOf(files: readonly string[]): readonly (readonly string[])[] {
  const isLong = (file: string): boolean => file.startsWith("tests/");
  const ordered = [...files.filter(isLong), ...files.filter((file) => !isLong(file))];
  return Array.from({ length: Math.ceil(ordered.length / filesAtOnce) }, (_, at) =>
    ordered.slice(at * filesAtOnce, (at + 1) * filesAtOnce),
  );
}

/** Goes through the work, so much of it at once, in its order. */
async function share(work: readonly (() => Promise<void>)[], atOnce: number): Promise<void> {
  const left = [...work];
  const worker = async () => {
    for (let next = left.shift(); next; next = left.shift()) await next();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Prints what is written into a file, until it is disposed. */
function follow(path: string): Disposable {
  const file = openSync(path, "r");
  const piece = Buffer.alloc(2 ** 16);
  const print = () => {
    for (let count = readSync(file, piece); count > 0; count = readSync(file, piece))
      process.stdout.write(Buffer.from(piece.subarray(0, count)));
  };
  const watcher = watch(path, print);
  return {
    [Symbol.dispose]() {
      watcher.close();
      print();
      closeSync(file);
    },
  };
}

/** What the tests say is shown as they say it, or when they are through. */
async function runBatch(tally: Tally, files: readonly string[], shows: "at once" | "then" | "nothing", main?: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pincer-test-"));
  const [report, said] = [join(folder, "report.xml"), join(folder, "said")];
  const options = [`--timeout=${testMs}`, "--reporter=junit", `--reporter-outfile=${report}`];
  // What a person has set up for their own gateway must not reach the tests; nor what the launcher has for a quick start, which costs whatever runs for minutes.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:PINCER_(?!TEST_)|BUN_JSC_threshold)/.test(name)));
  if (main !== undefined) env["PINCER_TEST_MAIN"] = main;
  // A file, and no pipe: what a test left behind would keep that open.
  const output = openSync(said, "a");
  const shown = shows === "at once" ? follow(said) : undefined;
  const code = await run(["test", ...options, ...files.map((file) => `./${file}`)], {
    cwd: repository,
    env,
    output,
  });
  closeSync(output);
  shown?.[Symbol.dispose]();
  const text = readFileSync(said, "utf8");
  const before = tally.failed.length;
  if (ended && !existsSync(report)) readSaid(text, files, tally, ended);
  else readReport(existsSync(report) ? readFileSync(report, "utf8") : "", files, tally);
  if (code !== 0 && tally.failed.length === before) tally.failed.push(`bun test ended with ${code}`);
  rmSync(folder, { recursive: true });
  if (shows === "then") process.stdout.write(text);
}

if (import.meta.main) {
  const json = process.argv.includes("--json");
  // As a shell completes them, too: `./tests/architecture/`.
  const filters = process.argv.slice(2).flatMap((word) => (word.startsWith("--") ? [] : word.replace(/^\.\//, "")));
  const say = (line: string) => (json ? undefined : console.log(line));
  const tally: Tally = { passed: 0, failed: [], skipped: [], reasons: {} };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      ended = signal;
      endAll();
    });
  process.on("exit", endAll); // also when it breaks
  await prepare(tally, say);
  const batches = batchesOf(testFiles(filters));
  if (batches.length === 0) tally.failed.push("there is no such test file");
  const shows = json ? "nothing" : batches.length === 1 ? "at once" : "then";
  const checks = [
    () => check(tally, "style", ["node_modules/.bin/biome", "check", "."], say),
    () => check(tally, "types", ["node_modules/.bin/tsc", "--noEmit"], say),
  ];
  const main = await bundle(tally);
  let unbegun = 0;
  const runs = batches.map((files) => async () => {
    if (ended) unbegun += files.length;
    else await runBatch(tally, files, shows, main);
  });
  await share([...runs, ...(filters.length === 0 ? checks : [])], batchesAtOnce);
  if (unbegun > 0) tally.failed.push(`${unbegun} test files did not begin before ${ended}`);
  const { passed, failed, skipped, reasons } = tally;
  for (const name of skipped) say(`SKIPPED  ${name}`);
  for (const name of failed) say([`FAILED   ${name}`, ...shortened(reasons[name] ?? "")].join("\n"));
  if (skipped.length > 0) say(`${skipped.length} skipped: what is named above was not tested on this machine`);
  console.log(json ? JSON.stringify({ passed, failed, skipped, reasons }, null, 2) : `${passed} passed, ${failed.length} failed`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
