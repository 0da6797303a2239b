/** `pincer skills check`: whether a skill is fit to be used and shared, step by step, each with a verdict. Nothing of it is run. */
import { existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import { textTokens } from "@pincer/plugin-sdk/provider/estimate";
import { describeSkillProblem, parseSkill, type Skill } from "@pincer/plugin-sdk/skill";
import type { SkillProblem } from "@pincer/plugin-sdk/skill-front-matter";
import { skillsErrors } from "../errors.ts";
import { alarmsIn } from "./alarms.ts";
import { untouchedDescription } from "./create.ts";
import { filesOf, type SkillFile, type SkillFiles } from "./files.ts";
import { checkLinks } from "./links.ts";
import { lacks, type Machine } from "./machine.ts";
import { checkTools } from "./tools.ts";

/** `warned`: it may be as it is meant, and somebody should look. */
export type Verdict = "passed" | "warned" | "failed" | "skipped";

export interface Step {
  readonly name: "specification" | "requirements" | "tools" | "links" | "size" | "text";
  readonly verdict: Verdict;
  /** One line: what was found. */
  readonly summary: string;
  readonly lines: readonly string[];
}

export interface CheckOptions {
  readonly machine: Machine;
  /** Absent: nobody is there to ask. */
  readonly tools: readonly string[] | undefined;
}

export async function checkSkill(folder: string, { machine, tools }: CheckOptions): Promise<readonly Step[]> {
  const file = join(folder, "SKILL.md");
  if (!existsSync(file) || !statSync(file).isFile()) throw skillsErrors.SKILL_NOT_FOUND(`expected a file SKILL.md in ${folder}, came none`);
  const found = await filesOf(folder);
  const { skill, step } = specification(folder, found);
  const unread = (name: Step["name"]): Step => ({ name, verdict: "skipped", summary: "the front matter is not in order", lines: [] });
  return [
    step,
    skill === undefined ? unread("requirements") : requirements(skill, machine),
    skill === undefined ? unread("tools") : allowed(skill, tools),
    links(found),
    size(skill, found),
    text(found.files),
  ];
}

const textIn = (files: readonly SkillFile[]): string => files.find(({ path }) => path === "SKILL.md")?.text ?? "";

function specification(folder: string, { files }: SkillFiles): { readonly step: Step; readonly skill?: Skill } {
  try {
    const skill = parseSkill(textIn(files), join(folder, "SKILL.md"), basename(folder));
    const advice = [
      ...skill.warnings.map(describeSkillProblem),
      ...(skill.description === untouchedDescription
        ? ["the description is still that of the template: say what the skill does, and when"]
        : []),
      ...(/\b(use|when|if|for)\b/i.test(skill.description)
        ? []
        : ["the description says no word of when the skill is used: the model chooses by it"]),
      ...(skill.body.trim() === "" ? ["there is nothing below the front matter: the agent would read an empty page"] : []),
    ];
    return { skill, step: { name: "specification", ...verdict([], advice, "as the Agent Skills specification has it") } };
  } catch (error) {
    if (!isGatewayError(error) || error.code !== "SKILL_INVALID") throw error;
    const problems = (error.data?.["problems"] ?? []) as readonly SkillProblem[];
    return { step: { name: "specification", ...verdict(problems.map(describeSkillProblem), [], "") } };
  }
}

/** What this machine lacks is no fault of the skill. */
function requirements(skill: Skill, machine: Machine): Step {
  const { os, requires } = skill.runtime;
  const needs = [...os, ...requires.bins, ...requires.anyBins, ...requires.env, ...requires.config];
  const met = needs.length === 0 ? "it needs nothing" : `met here: ${needs.join(", ")}`;
  return { name: "requirements", ...verdict([], lacks(skill, machine), met) };
}

function allowed({ allowedTools }: Skill, tools: readonly string[] | undefined): Step {
  const name = "tools";
  if (allowedTools === undefined) return { name, verdict: "passed", summary: "it names none", lines: [] };
  const names = allowedTools.map((tool) => tool.name).join(", ");
  if (tools === undefined)
    return { name, verdict: "skipped", summary: `no gateway runs here that knows whether there are ${names}: pincer up`, lines: [] };
  const findings = checkTools(allowedTools, tools);
  const of = (isFault: boolean) => findings.filter((one) => one.isFault === isFault).map((one) => one.text);
  return { name, ...verdict(of(true), of(false), names) };
}

function links({ files, strange }: SkillFiles): Step {
  const findings = checkLinks(files);
  const of = (isFault: boolean) => findings.filter((one) => one.isFault === isFault).map((one) => one.text);
  const odd = strange.map((path) => `${path} is no file: a skill is shared without links and the like`);
  return { name: "links", ...verdict([...odd, ...of(true)], of(false), counted(files.length, "file")) };
}

/** Those of the specification; beyond them a skill crowds out the conversation that it is used in. */
const most = { lines: 500, tokens: 5_000, descriptionTokens: 150, bytes: 5_000_000 };

function size(skill: Skill | undefined, { files }: SkillFiles): Step {
  const page = textIn(files);
  const [lines, tokens] = [page.trimEnd().split("\n").length, textTokens(skill?.body ?? page)];
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const described = skill === undefined ? 0 : textTokens(`${skill.name}: ${skill.description}`);
  const over = (is: number, limit: number, what: string) => (is > limit ? [`expected at most ${limit} ${what}, came ${is}`] : []);
  const faults = [
    ...over(tokens, most.tokens, "tokens in SKILL.md: move details into references/"),
    ...over(bytes, most.bytes, "bytes in all files"),
  ];
  const advice = [
    ...over(lines, most.lines, "lines in SKILL.md: move details into references/"),
    ...over(described, most.descriptionTokens, "tokens of name and description, which every turn pays for"),
  ];
  const summary = `${described} tokens in each turn, ${tokens} when it is used (${counted(lines, "line")}); ${counted(files.length, "file")}, ${bytes} bytes`;
  return { name: "size", ...verdict(faults, advice, summary) };
}

function text(files: readonly SkillFile[]): Step {
  const alarms = files.flatMap(alarmsIn);
  const of = (severity: string) =>
    alarms
      .filter((alarm) => alarm.severity === severity)
      .map(({ file, line, sentence, rule }) => `${file}, line ${line}: ${sentence} (${rule})`);
  return { name: "text", ...verdict(of("high"), of("medium"), "nothing that a scanner stops for") };
}

function verdict(faults: readonly string[], advice: readonly string[], fine: string): Omit<Step, "name"> {
  const lines = [...faults, ...advice];
  if (lines.length === 0) return { verdict: "passed", summary: fine, lines };
  const [first = ""] = lines;
  const summary = lines.length === 1 ? first : counted(lines.length, "finding");
  return { verdict: faults.length > 0 ? "failed" : "warned", summary, lines: lines.length === 1 ? [] : lines };
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
