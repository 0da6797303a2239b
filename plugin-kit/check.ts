/** `pincer plugin check`: whether a plugin is fit to be shared, step by step, each with a verdict. */
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import { type Manifest, parseManifest } from "@pincer/plugin-sdk/manifest";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { filesOf, pack } from "./archive.ts";
import { buildPlugin } from "./build.ts";
import { packageOf } from "./create.ts";
import { pluginFolder } from "./folder.ts";
import { type Finding, type Offer, reviewOffers, reviewPermissions } from "./permission-review.ts";

type Verdict = "passed" | "failed" | "skipped";

export interface Step {
  readonly name: "manifest" | "types" | "tests" | "permissions" | "size";
  readonly verdict: Verdict;
  /** One line: what was found, or why it was skipped. */
  readonly summary: string;
  /** What the tools said, when it failed; and what there is to read. */
  readonly lines: readonly string[];
  readonly permissions?: readonly Finding[];
  readonly offers?: readonly Offer[];
  readonly size?: { readonly files: number; readonly bytes: number; readonly dependencies: readonly string[] };
}

interface CheckOptions {
  readonly clock: Clock;
  /** Pincer's own folder, whose TypeScript is used when the plugin has none. */
  readonly pincer: string;
  /** The gateway's: what is installed there is somebody else's, and looked at without running any of it. */
  readonly home: string;
}

/** In order; a step that fails stops none of the others, but the tests, which would repeat what is wrong with the manifest. */
export async function* checkPlugin(folder: string, { clock, pincer, home }: CheckOptions): AsyncGenerator<Step, void, void> {
  const root = pluginFolder(folder);
  if (isInstalled(root, home)) {
    const unrun = "it is installed, so none of its code is run: whoever writes it checks that in a folder of its own";
    for (const name of ["manifest", "types", "tests"] as const) yield { name, verdict: "skipped", summary: unrun, lines: [] };
  } else {
    const manifest = await checkManifest(root, clock);
    yield manifest;
    yield await checkTypes(root, pincer);
    const unfit = "not run: none can pass before the manifest is in order";
    yield manifest.verdict === "failed" ? { name: "tests", verdict: "skipped", summary: unfit, lines: [] } : await checkTests(root);
  }
  const file = join(root, "plugin.json");
  let read: Manifest;
  try {
    requireFiles(root);
    read = parseManifest(readFileSync(file, "utf8"), file);
  } catch (error) {
    const unread = { verdict: "skipped", summary: "the manifest cannot be read", lines: [errorMessage(error)] } as const;
    yield { name: "permissions", ...unread };
    yield { name: "size", ...unread };
    return;
  }
  yield permissionsOf(read);
  yield sizeOf(root);
}

/** What is read here by its name. In the place of a file there may be a pipe, at which whoever reads waits for ever. */
function requireFiles(root: string): void {
  for (const name of ["plugin.json", "package.json"])
    if (statSync(join(root, name), { throwIfNoEntry: false })?.isFile() === false)
      throw pluginErrors.PLUGIN_MANIFEST_INVALID(`${join(root, name)} is no file: put one there`);
}

function isInstalled(root: string, home: string): boolean {
  const plugins = join(home, "plugins");
  return existsSync(plugins) && root.startsWith(realpathSync(plugins) + sep);
}

async function checkManifest(root: string, clock: Clock): Promise<Step> {
  try {
    const { manifest } = await buildPlugin(root, clock, { check: true });
    return { name: "manifest", verdict: "passed", summary: `${manifest.id} ${manifest.version}, in step with the code`, lines: [] };
  } catch (error) {
    const isOutOfStep = isGatewayError(error) && error.data?.["difference"] !== undefined;
    const summary = isOutOfStep ? "not in step with the code" : "not in order";
    return { name: "manifest", verdict: "failed", summary, lines: errorMessage(error).split("\n") };
  }
}

async function checkTypes(root: string, pincer: string): Promise<Step> {
  const skipped = (summary: string): Step => ({ name: "types", verdict: "skipped", summary, lines: [] });
  if (!existsSync(join(root, "tsconfig.json"))) return skipped("there is no tsconfig.json, which says how strictly to look");
  const typescript = packageOf("typescript", root) ?? packageOf("typescript", pincer);
  if (typescript === undefined) return skipped('TypeScript is not installed here: "bun add --dev typescript" makes this check possible');
  const { code, output } = await run([process.execPath, join(typescript, "bin", "tsc"), "--noEmit", "--pretty", "false"], root);
  const { version } = JSON.parse(readFileSync(join(typescript, "package.json"), "utf8")) as { version: string };
  if (code === 0) return { name: "types", verdict: "passed", summary: `no mistakes (TypeScript ${version})`, lines: [] };
  const mistakes = output.match(/error TS\d+/g)?.length ?? 0;
  return { name: "types", verdict: "failed", summary: counted(mistakes, "mistake"), lines: linesOf(output) };
}

/** What a tool said, as far as a person reads it. */
const mostLines = 60;
const linesOf = (output: string): readonly string[] => {
  const lines = output.trim().split("\n");
  return lines.length <= mostLines ? lines : [...lines.slice(0, mostLines), `... and ${lines.length - mostLines} more lines`];
};

/** Long enough for a test that starts a gateway on a machine that is busy. */
const testMs = 60_000;

async function checkTests(root: string): Promise<Step> {
  const folder = mkdtempSync(join(tmpdir(), "pincer-check-"));
  try {
    const report = join(folder, "report.xml");
    const options = [`--timeout=${testMs}`, "--reporter=junit", `--reporter-outfile=${report}`];
    const { code, output } = await run([process.execPath, "test", ...options], root);
    const xml = existsSync(report) ? readFileSync(report, "utf8") : "";
    const count = (what: string) => Number(new RegExp(`<testsuites[^>]* ${what}="(\\d+)"`).exec(xml)?.[1] ?? 0);
    const [all, failures, skips] = [count("tests"), count("failures"), count("skipped")];
    if (all === 0)
      return {
        name: "tests",
        verdict: "failed",
        summary: "there are none: write plugin.test.ts",
        lines: code === 1 ? [] : linesOf(output),
      };
    if (code === 0)
      return {
        name: "tests",
        verdict: "passed",
        summary: `${counted(all - skips, "test")} passed${skips > 0 ? `, ${skips} skipped` : ""}`,
        lines: [],
      };
    return { name: "tests", verdict: "failed", summary: `${failures} of ${counted(all, "test")} failed`, lines: linesOf(output) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function permissionsOf(manifest: Manifest): Step {
  const [permissions, offers] = [reviewPermissions(manifest.permissions), reviewOffers(manifest)];
  const risky = permissions.filter(({ risk }) => risk === "high").length;
  const summary =
    permissions.length === 0 ? "it asks for none" : `${permissions.length} asked for, ${risky === 0 ? "none of them" : risky} risky`;
  return {
    name: "permissions",
    verdict: "passed",
    summary,
    lines: [
      ...permissions.map(({ risk, text }) => `${risk === "high" ? "RISKY  " : "       "}${text}`),
      ...offers.map(({ what, names }) => `${what}: ${names.join(", ")}`),
    ],
    permissions,
    offers,
  };
}

function sizeOf(root: string): Step {
  const manifestOf = join(root, "package.json");
  const { dependencies = {} } = existsSync(manifestOf) ? (JSON.parse(readFileSync(manifestOf, "utf8")) as { dependencies?: object }) : {};
  try {
    const files = filesOf(root);
    const size = { files: files.length, bytes: pack(files).length, dependencies: Object.keys(dependencies) };
    const needs =
      size.dependencies.length === 0
        ? "no dependencies"
        : `${counted(size.dependencies.length, "dependency", "dependencies")}: ${size.dependencies.join(", ")}`;
    const shown = size.bytes < 10_240 ? `${size.bytes} bytes` : `${Math.round(size.bytes / 1024)} KB`;
    return { name: "size", verdict: "passed", summary: `${counted(size.files, "file")}, ${shown} packed, ${needs}`, lines: [], size };
  } catch (error) {
    return { name: "size", verdict: "failed", summary: "it cannot be packed", lines: [errorMessage(error)] };
  }
}

const counted = (count: number, noun: string, nouns = `${noun}s`): string => `${count} ${count === 1 ? noun : nouns}`;

/** What a person has set up for their own gateway must not reach a plugin's tests. */
async function run(command: readonly string[], cwd: string): Promise<{ readonly code: number; readonly output: string }> {
  const kept = Object.entries(process.env).filter(([name]) => !/^PINCER_(?!TEST_)/.test(name));
  const env = { ...Object.fromEntries(kept), BUN_BE_BUN: "1", NO_COLOR: "1" };
  const started = Bun.spawn([...command], { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([new Response(started.stdout).text(), new Response(started.stderr).text(), started.exited]);
  return { code, output: `${err}${out}` };
}
