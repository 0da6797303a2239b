/**
 * Runs a skill's examples as they stand in its pages: each fenced block of `sh`, in the order of the pages, in one temporary folder and with
 * the shell and the environment that a command of an agent has. Text and test cannot drift: a block that no outcome names fails.
 */
import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Declare } from "@pincer/plugin-sdk/testing/needs";

const skills = join(dirname(dirname(import.meta.dir)), "skills");

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
  /** After the last example. */
  after?(place: Place): Promise<void>;
  /** How the test is declared, when the machine needs more than usual. */
  readonly declare?: Declare;
  /** Of the skill's pages only these, or all without these, when some of them need more than the others. */
  readonly pages?: { readonly only: string } | { readonly without: string };
}

interface Block {
  readonly heading: string;
  readonly script: string;
}

const pagesOf = (name: string): readonly string[] => {
  const references = join(skills, name, "references");
  return [
    "SKILL.md",
    ...(existsSync(references)
      ? readdirSync(references)
          .sort()
          .map((page) => `references/${page}`)
      : []),
  ];
};

function blocksOf(name: string, pages: Walk["pages"]): readonly Block[] {
  const isWanted = (page: string) => pages === undefined || ("only" in pages ? page === pages.only : page !== pages.without);
  return pagesOf(name)
    .filter(isWanted)
    .flatMap((page) => {
      const text = readFileSync(join(skills, name, page), "utf8").replaceAll("{baseDir}", join(skills, name));
      const prefix = page === "SKILL.md" ? "" : `${page.slice(page.indexOf("/") + 1)}: `;
      let heading = "";
      return [...text.matchAll(/^#+ (.+)$|^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(([, title, language, script = ""]) => {
        if (title !== undefined) heading = title;
        return language === "sh" ? [{ heading: `${prefix}${heading}`, script }] : [];
      });
    });
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

/** Two minutes: some examples start containers. */
const walkMs = 120_000;

export function walkSkill(name: string, { prepare, outcomes, after, declare = test, pages }: Walk): void {
  declare(
    `every example of the skill ${name}${pages !== undefined && "only" in pages ? ` in ${pages.only}` : ""} runs, and does what its page says`,
    async () => {
      const temporary = mkdtempSync(join(tmpdir(), `pincer-skill-${name}-`));
      try {
        const folder = join(temporary, "work");
        for (const path of ["work", "home", "bin"]) mkdirSync(join(temporary, path));
        const sh: Place["sh"] = async (script, more = {}) => {
          const { exit, text } = await run(script, folder, more);
          if (exit !== 0) throw new Error(`what the examples take for granted cannot be made: ${script}\n${text}`);
          return text;
        };
        const env = (await prepare?.({ folder, sh })) ?? {};
        const blocks = blocksOf(name, pages);
        const expected = Object.entries(outcomes).flatMap(([heading, all]) => [all].flat().map((outcome) => ({ heading, outcome })));
        expect(blocks.map(({ heading }) => heading)).toEqual(expected.map(({ heading }) => heading));
        for (const [at, { heading, script }] of blocks.entries()) {
          const wanted = expected[at]!.outcome;
          const { exit, says } = typeof wanted === "object" && "says" in wanted ? wanted : { exit: 0, says: wanted };
          const ran = await run(script, folder, env);
          expect({ heading, script, exit: ran.exit, text: ran.exit === exit ? "" : ran.text }).toEqual({ heading, script, exit, text: "" });
          if (typeof says === "string") expect([script, ran.text.trim()]).toEqual([script, says.trim()]);
          else expect({ script, says: ran.text }).toEqual({ script, says: expect.stringMatching(says) });
        }
        await after?.({ folder, sh });
      } finally {
        rmSync(temporary, { recursive: true, force: true });
      }
    },
    walkMs,
  );
}

/** A program that stands before those of the machine, where an example needs something that no test machine has. */
export function installCommand({ folder }: Place, name: string, script: string): string {
  const bin = join(folder, "..", "bin");
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
  return `${bin}:${process.env["PATH"]}`;
}
