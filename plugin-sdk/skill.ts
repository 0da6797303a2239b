/**
 * Reads a SKILL.md: front matter as the Agent Skills specification has it (agentskills.io), and what OpenClaw adds in
 * `metadata.openclaw`. Strict about what both say, silent about keys that neither knows.
 */
import { defineErrors, type GatewayError } from "./error.ts";
import { isObject, type JsonObject } from "./json5.ts";
import { FrontMatter, type SkillProblem } from "./skill-front-matter.ts";
import { type SkillRuntime, skillRuntime } from "./skill-runtime.ts";

const skillErrors = defineErrors({
  SKILL_INVALID: { message: "the SKILL.md is not valid", wire: "INVALID_REQUEST" },
});

/** One entry of `allowed-tools`: a tool, or with `Bash(git:*)` what it may be called with. */
export interface AllowedTool {
  readonly name: string;
  readonly pattern?: string;
}

export interface Skill {
  readonly name: string;
  readonly description: string;
  readonly license?: string;
  readonly compatibility?: string;
  readonly metadata: JsonObject;
  /** Absent: the skill says nothing of tools. */
  readonly allowedTools?: readonly AllowedTool[];
  /** People may call it as `/name`. */
  readonly userInvocable: boolean;
  /** The model may choose it. */
  readonly modelInvocable: boolean;
  /** `/name args` calls this tool with the text, and no model is asked. */
  readonly dispatchTool?: string;
  readonly runtime: SkillRuntime;
  /** What the model reads once the skill is used. */
  readonly body: string;
  /** The line of the file at which the body begins, counting from 1. */
  readonly bodyLine: number;
  /** What was understood although it is not quite as it should be. */
  readonly warnings: readonly SkillProblem[];
}

export const longestSkillFile = 262_144;
const longestName = 64;
const longestDescription = 1024;
const longestCompatibility = 500;
const name = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const mostTools = 200;
const toolEntry = /[^\s(),]+(?:\([^()]*\))?|[()]/g;
const tool = /^([^\s(),]+)(?:\(([^()]*)\))?$/;

export const isSkillName = (value: string): boolean => value.length <= longestName && name.test(value);

/** The skill in `text`, or `SKILL_INVALID` with every problem in `data.problems`. `folder` is what the skill's folder is called. */
export function parseSkill(text: string, file: string, folder: string = folderOf(file)): Skill {
  if (text.length > longestSkillFile) {
    throw invalid(file, [{ line: 1, expected: `at most ${longestSkillFile} characters`, came: `${text.length}` }]);
  }
  const front = new FrontMatter(text);
  if (front.values === undefined) throw invalid(file, front.problems);
  const skillName = nameOf(front, folder);
  const description = front.text(["description"])?.trim();
  if (description === "" || front.at(["description"]) === undefined) {
    front.expect(["description"], "what the skill does and when to use it", "nothing");
  }
  front.atMost(["description"], description ?? "", longestDescription);
  const license = front.text(["license"]);
  const compatibility = front.text(["compatibility"]);
  if (compatibility === "") front.expect(["compatibility"], `1 to ${longestCompatibility} characters, or no such line`);
  front.atMost(["compatibility"], compatibility ?? "", longestCompatibility);
  const metadata = front.at(["metadata"]) ?? {};
  if (!isObject(metadata)) front.expect(["metadata"], "a map");
  const allowedTools = allowedToolsOf(front);
  const dispatchTool = dispatchToolOf(front);
  const userInvocable = front.flag(["user-invocable"]) ?? true;
  const modelInvocable = front.flag(["disable-model-invocation"]) !== true;
  const runtime = skillRuntime(front, skillName);
  if (front.problems.length > 0 || !isObject(metadata)) throw invalid(file, front.problems);
  return {
    name: skillName,
    description: description ?? "",
    ...(license === undefined ? {} : { license }),
    ...(compatibility === undefined ? {} : { compatibility }),
    metadata,
    ...(allowedTools === undefined ? {} : { allowedTools }),
    userInvocable,
    modelInvocable,
    ...(dispatchTool === undefined ? {} : { dispatchTool }),
    runtime,
    body: front.body,
    bodyLine: front.bodyLine,
    warnings: front.warnings,
  };
}

/** `line 3: name: expected …, came …`, for people. */
export const describeSkillProblem = ({ line, expected, came }: SkillProblem): string => `line ${line}: expected ${expected}, came ${came}`;

function nameOf(front: FrontMatter, folder: string): string {
  const written = front.text(["name"]);
  if (written === undefined && front.at(["name"]) !== undefined) return "";
  if (written === undefined || written === "")
    front.expect(["name"], `a name, such as ${isSkillName(folder) ? folder : "my-skill"}`, "nothing");
  else if (!isSkillName(written)) front.expect(["name"], `1 to ${longestName} of a-z, 0-9 and single hyphens between them`);
  else if (written !== folder) front.expect(["name"], `the name of its folder, ${JSON.stringify(folder)}`);
  return written ?? "";
}

/** Text as the specification has it, or a list as some clients write it; commas separate like spaces. */
function allowedToolsOf(front: FrontMatter): readonly AllowedTool[] | undefined {
  const path = ["allowed-tools"];
  if (front.at(path) === undefined) return undefined;
  const written = front.texts(path).flatMap((text) => text.match(toolEntry) ?? []);
  if (written.length > mostTools) front.expect(path, `at most ${mostTools} tools`, `${written.length}`);
  return written.slice(0, mostTools).map((entry) => {
    const [, toolName, pattern] = tool.exec(entry) ?? [];
    if (toolName === undefined) front.expect(path, "tools such as Read or Bash(git:*)");
    return { name: toolName ?? entry, ...(pattern === undefined ? {} : { pattern }) };
  });
}

function dispatchToolOf(front: FrontMatter): string | undefined {
  const dispatch = front.text(["command-dispatch"]);
  const called = front.text(["command-tool"]);
  const mode = front.text(["command-arg-mode"]);
  if (mode !== undefined && mode !== "raw") front.expect(["command-arg-mode"], "raw");
  if (dispatch === undefined) return undefined;
  if (dispatch !== "tool") front.expect(["command-dispatch"], "tool");
  if (called === undefined || called === "") front.expect(["command-tool"], "the tool that the command calls");
  return called;
}

function folderOf(file: string): string {
  const parts = file.split(/[\\/]/);
  return parts[parts.length - 2] ?? "";
}

function invalid(file: string, problems: readonly SkillProblem[]): GatewayError {
  const message = problems.map(describeSkillProblem).join("; ");
  return skillErrors.SKILL_INVALID(`${file}: ${message}`, { data: { file, problems } });
}
