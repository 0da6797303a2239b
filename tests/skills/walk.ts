/**
 * Runs a skill's examples as they stand in its pages: each fenced block of `sh`, in the order of the pages, in one temporary folder and with
 * the shell and the environment that a command of an agent has. Text and test cannot drift: a block that no outcome names fails.
 */
import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Declare } from "@pincer/plugin-sdk/testing/needs";
import { useSkill } from "./agent-flow.ts";
import { type Block, blocksOf } from "./pages.ts";

/** What a block says, and with which exit code it ends when not with 0. */
type Outcome = string | RegExp | { readonly exit: number; readonly says: RegExp };

interface Place {
  readonly folder: string;
  /** Runs what the examples take for granted; its output. Throws when it fails. */
  sh(script: string, env?: Readonly<Record<string, string>>): Promise<string>;
}

interface Walk {
  /** What has to be there before the first example. What it returns is in the environment of each. */
  prepare?(place: Place): Promise<Readonly<Record<string, string>> | undefined>;
  /** By heading, as `Read the history`; of another page than SKILL.md as `recovery.md: A dropped stash`. One for each block under it. */
  readonly outcomes: Readonly<Record<string, Outcome | readonly Outcome[]>>;
  /** Headings of SKILL.md whose examples an agent runs, too, in a turn. */
  readonly flow?: readonly string[];
  /** After the last example. */
  after?(place: Place): Promise<void>;
  /** How the test is declared, when the machine needs more than usual. */
  readonly declare?: Declare;
  /** Of the skill's pages only these, or all without these, when some of them need more than the others. */
  readonly pages?: { readonly only: string } | { readonly without: string };
}

/** As commands of an agent have it (plugins/tools-exec), with a home of its own. */
const quiet = { TERM: "dumb", NO_COLOR: "1", PAGER: "cat", GIT_PAGER: "cat", GIT_TERMINAL_PROMPT: "0", LANG: "C.UTF-8" };

async function run(script: string, folder: string, env: Readonly<Record<string, string>>) {
  const path = `${process.env["PATH"]}:${dirname(process.execPath)}`;
  const child = Bun.spawn(["/bin/bash", "--norc", "--noprofile", "-ec", script], {
    cwd: folder,
    env: { PATH: path, HOME: join(folder, "..", "home"), ...quiet, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, exit] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { exit, text: `${out}${err}` };
}

function expectOutcome({ heading, script }: Block, wanted: Outcome, ran: { readonly exit: number; readonly text: string }): void {
  const { exit, says } = typeof wanted === "object" && "says" in wanted ? wanted : { exit: 0, says: wanted };
  expect({ heading, script, exit: ran.exit, text: ran.exit === exit ? "" : ran.text }).toEqual({ heading, script, exit, text: "" });
  if (typeof says === "string") expect([script, ran.text.trim()]).toEqual([script, says.trim()]);
  else expect({ script, says: ran.text }).toEqual({ script, says: expect.stringMatching(says) });
}

/** A workspace in a folder of its own, with what the examples take for granted; all of it goes at the end. */
async function within(
  { prepare }: Pick<Walk, "prepare">,
  use: (place: Place, env: Readonly<Record<string, string>>, home: string) => Promise<void>,
): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "pincer-skill-"));
  try {
    for (const path of ["workspace", "home", "bin"]) mkdirSync(join(home, path));
    const folder = join(home, "workspace");
    const sh: Place["sh"] = async (script, more = {}) => {
      const { exit, text } = await run(script, folder, more);
      if (exit !== 0) throw new Error(`what the examples take for granted cannot be made: ${script}\n${text}`);
      return text;
    };
    const place = { folder, sh };
    await use(place, (await prepare?.(place)) ?? {}, home);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Two minutes: some examples start containers, others gateways. */
const walkMs = 120_000;

export function walkSkill(name: string, { outcomes, after, flow, declare = test, pages, prepare }: Walk): void {
  const isWanted = (page: string) => pages === undefined || ("only" in pages ? page === pages.only : page !== pages.without);
  const expected = Object.entries(outcomes).flatMap(([heading, all]) => [all].flat().map((outcome) => ({ heading, outcome })));
  const where = pages !== undefined && "only" in pages ? ` in ${pages.only}` : "";
  const everything = () =>
    within({ prepare }, async (place, env) => {
      const blocks = blocksOf(name, isWanted);
      expect(blocks.map(({ heading }) => heading)).toEqual(expected.map(({ heading }) => heading));
      for (const [at, block] of blocks.entries()) expectOutcome(block, expected[at]!.outcome, await run(block.script, place.folder, env));
      await after?.(place);
    });
  declare(`every example of the skill ${name}${where} runs, and does what its page says`, everything, walkMs);

  if (flow === undefined) return;
  const used = () =>
    within({ prepare }, async ({ folder }, env, home) => {
      const environment = { HOME: join(folder, "..", "home"), ...env };
      const ran = await useSkill({ name, headings: flow, home, environment });
      const wanted = expected.filter(({ heading }) => flow.includes(heading));
      expect(ran.map(({ heading }) => heading)).toEqual(wanted.map(({ heading }) => heading));
      for (const [at, { isError, text, ...block }] of ran.entries())
        expectOutcome(block, wanted[at]!.outcome, { exit: isError ? 1 : 0, text });
    });
  declare(`an agent reads the skill ${name} and does what it says, in a turn of a gateway`, used, walkMs);
}

/** A program that stands before those of the machine, where an example needs something that no test machine has. */
export function installCommand({ folder }: Place, name: string, script: string): string {
  const bin = join(folder, "..", "bin");
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
  return `${bin}:${process.env["PATH"]}`;
}
