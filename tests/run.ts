/** The fixed tier, as `pincer test` runs it: style, types and every test but the long ones. Ends with `N passed, N failed`. */
import { closeSync, cpSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

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

/** What can be installed without being root: the plugins' own packages, those of their tests too. */
function prepare(tally: Tally, say: (line: string) => void): void {
  const plugins = join(repository, "plugins");
  for (const id of readdirSync(plugins)) {
    const lock = join(plugins, id, "bun.lock");
    const stamp = join(plugins, id, "node_modules", ".pincer-tests");
    // A lock of nothing is one that Bun would remove.
    if (!existsSync(lock) || !readFileSync(lock, "utf8").includes('"packages"')) continue;
    if (existsSync(stamp) && readFileSync(stamp, "utf8") === readFileSync(lock, "utf8")) continue;
    say(`installing the packages of ${id}`);
    const command = [process.execPath, "install", "--frozen-lockfile", "--ignore-scripts"];
    const { exitCode, stderr } = Bun.spawnSync(command, { cwd: join(plugins, id) });
    if (exitCode === 0) cpSync(lock, stamp);
    else tally.failed.push(`the packages of ${id} cannot be installed: ${stderr.toString().trim().split("\n").at(-1)}`);
  }
}

function check(tally: Tally, name: string, command: readonly string[], say: (line: string) => void): void {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, ...command], { cwd: repository });
  if (exitCode === 0) tally.passed += 1;
  else {
    tally.failed.push(`${name}: ${command.join(" ")}`);
    say(`${stdout}${stderr}`);
  }
  say(`${exitCode === 0 ? "ok" : "FAILED"}  ${name}`);
}

/** What goes through the user's door with a program for each step, and so waits for the system, runs beside the tests of the parts. */
const isBeside = (file: string): boolean => /^(?:registry|skills|tests)\//.test(file);

async function runTests(tally: Tally, files: readonly string[], output: "inherit" | "ignore"): Promise<void> {
  if (files.length === 0) return void tally.failed.push("there is no such test file");
  const halves = [files.filter((file) => !isBeside(file)), files.filter(isBeside)].filter((half) => half.length > 0);
  // One that prints as it goes; what the other says stands together, behind it.
  const shown = await Promise.all(halves.map((half, at) => runHalf(tally, half, at === 0 ? output : "pipe")));
  if (output === "inherit") for (const text of shown) process.stdout.write(text);
}

/** Answers what the tests said, where nobody saw it yet. */
async function runHalf(tally: Tally, files: readonly string[], output: "inherit" | "ignore" | "pipe"): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "pincer-test-"));
  const report = join(folder, "report.xml");
  const options = [`--timeout=${testMs}`, "--reporter=junit", `--reporter-outfile=${report}`];
  // What a person has set up for their own gateway must not reach the tests; nor what the launcher has for a quick start, which costs whatever runs for minutes.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:PINCER_(?!TEST_)|BUN_JSC_threshold)/.test(name)));
  const command = [process.execPath, "test", ...options, ...files.map((file) => `./${file}`)];
  const said = output === "pipe" ? openSync(join(folder, "said"), "a") : output;
  const code = await Bun.spawn(command, { cwd: repository, env, stdio: ["ignore", said, said] }).exited;
  if (typeof said === "number") closeSync(said);
  const before = tally.failed.length;
  readReport(existsSync(report) ? readFileSync(report, "utf8") : "", files, tally);
  if (code !== 0 && tally.failed.length === before) tally.failed.push(`bun test ended with ${code}`);
  const text = output === "pipe" ? readFileSync(join(folder, "said"), "utf8") : "";
  rmSync(folder, { recursive: true });
  return text;
}

if (import.meta.main) {
  const json = process.argv.includes("--json");
  // As a shell completes them, too: `./tests/architecture/`.
  const filters = process.argv.slice(2).flatMap((word) => (word.startsWith("--") ? [] : word.replace(/^\.\//, "")));
  const say = (line: string) => (json ? undefined : console.log(line));
  const tally: Tally = { passed: 0, failed: [], skipped: [], reasons: {} };
  prepare(tally, say);
  if (filters.length === 0) {
    check(tally, "style", ["node_modules/.bin/biome", "check", "."], say);
    check(tally, "types", ["node_modules/.bin/tsc", "--noEmit"], say);
  }
  await runTests(tally, testFiles(filters), json ? "ignore" : "inherit");
  const { passed, failed, skipped, reasons } = tally;
  for (const name of skipped) say(`SKIPPED  ${name}`);
  for (const name of failed) say([`FAILED   ${name}`, ...shortened(reasons[name] ?? "")].join("\n"));
  if (skipped.length > 0) say(`${skipped.length} skipped: what is named above was not tested on this machine`);
  console.log(json ? JSON.stringify({ passed, failed, skipped, reasons }, null, 2) : `${passed} passed, ${failed.length} failed`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
