import { expect, test } from "bun:test";
import { isGatewayError } from "./error.ts";
import { longestSkillFile, parseSkill, type Skill } from "./skill.ts";
import type { SkillProblem } from "./skill-front-matter.ts";

const skill = (front: string, body = "Do it.") => `---\n${front}\n---\n\n${body}\n`;
const read = (front: string, body?: string): Skill => parseSkill(skill(front, body), "/skills/pdf-forms/SKILL.md");
const basic = "name: pdf-forms\ndescription: Fills PDF forms.";

/** The problems of a text that is refused. */
function refused(text: string, file = "/skills/pdf-forms/SKILL.md"): readonly string[] {
  try {
    parseSkill(text, file);
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    expect(error.code).toBe("SKILL_INVALID");
    expect(error.message).toStartWith(`${file}: line `);
    return ((error.data?.["problems"] ?? []) as SkillProblem[]).map(({ line, expected, came }) => `${line} | ${expected} | ${came}`);
  }
  throw new Error("it was read");
}

test("what the specification asks for is enough", () => {
  expect(read(basic)).toEqual({
    name: "pdf-forms",
    description: "Fills PDF forms.",
    metadata: {},
    userInvocable: true,
    modelInvocable: true,
    runtime: { key: "pdf-forms", always: false, os: [], requires: { bins: [], anyBins: [], env: [], config: [] }, install: [] },
    body: "Do it.",
    bodyLine: 5,
    warnings: [],
  });
});

test("all that the specification and OpenClaw know is read", () => {
  const all = read(
    `${basic}
license: MIT
compatibility: Needs pdftk
allowed-tools: Bash(git log:*) Bash(jq:*) Read
user-invocable: false
disable-model-invocation: true
command-dispatch: tool
command-tool: exec
command-arg-mode: raw
somebody-elses: [1, 2]
metadata:
  author: ada
  version: "1.0"
  {{more}}`.replace(
      "{{more}}",
      `openclaw: {"emoji": "📄", "homepage": "https://forms.example", "os": ["macos", "linux"], "skillKey": "forms",
    "always": true, "primaryEnv": "FORMS_KEY", "requires": {"bins": ["pdftk"], "anyBins": ["a", "b"], "env": ["FORMS_KEY"], "config": ["browser.enabled"]},
    "install": [{"id": "brew", "kind": "brew", "formula": "pdftk", "bins": ["pdftk"], "label": "Install pdftk", "os": ["darwin"]}, {"kind": "node", "package": "x"}],}`,
    ),
  );
  expect(all).toMatchObject({
    license: "MIT",
    compatibility: "Needs pdftk",
    allowedTools: [{ name: "Bash", pattern: "git log:*" }, { name: "Bash", pattern: "jq:*" }, { name: "Read" }],
    userInvocable: false,
    modelInvocable: false,
    dispatchTool: "exec",
    metadata: { author: "ada", version: "1.0" },
    runtime: {
      key: "forms",
      always: true,
      emoji: "📄",
      homepage: "https://forms.example",
      os: ["darwin", "linux"],
      primaryEnv: "FORMS_KEY",
      requires: { bins: ["pdftk"], anyBins: ["a", "b"], env: ["FORMS_KEY"], config: ["browser.enabled"] },
      install: [
        { id: "brew", kind: "brew", subject: "pdftk", label: "Install pdftk", bins: ["pdftk"], os: ["darwin"] },
        { id: "node-1", kind: "node", subject: "x", label: "Install x (node)", bins: [], os: [] },
      ],
    },
  });
});

test("what the block was called before still counts", () => {
  expect(read(`${basic}\nmetadata:\n  clawdbot:\n    requires:\n      bins: jq`).runtime.requires.bins).toEqual(["jq"]);
});

test("tools in a list or between commas are read like those between spaces", () => {
  const tools = [{ name: "Read" }, { name: "exec", pattern: "git status, git log" }];
  expect(read(`${basic}\nallowed-tools: Read, exec(git status, git log)`).allowedTools).toEqual(tools);
  expect(read(`${basic}\nallowed-tools: [Read, "exec(git status, git log)"]`).allowedTools).toEqual(tools);
  expect(read(`${basic}\nallowed-tools: ""`).allowedTools).toEqual([]);
});

test("a byte order mark and ends of lines of any kind change nothing", () => {
  expect(parseSkill(`\ufeff${skill(basic).replaceAll("\n", "\r\n")}`, "C:\\skills\\pdf-forms\\SKILL.md")).toEqual(read(basic));
});

test("every problem is named, with its line, what was expected and what came", () => {
  expect(
    refused(
      skill(`name: PDF
description: >
  ${"x".repeat(1025)}
compatibility: ""
user-invocable: maybe
allowed-tools: Read(
metadata:
  openclaw:
    requires:
      env: [A B]
      bins: ["../x"]
    os: beos`),
    ),
  ).toEqual([
    '2 | name: 1 to 64 of a-z, 0-9 and single hyphens between them | "PDF"',
    "3 | description: at most 1024 characters | 1025",
    "5 | compatibility: 1 to 500 characters, or no such line | an empty text",
    '7 | allowed-tools: tools such as Read or Bash(git:*) | "Read("',
    '6 | user-invocable: true or false | "maybe"',
    '13 | metadata.openclaw.os: darwin, linux or win32 | "beos"',
    '12 | metadata.openclaw.requires.bins: names of programs | "../x"',
    '11 | metadata.openclaw.requires.env: names of variables | "A B"',
  ]);
});

test.each([
  ["name: 12\ndescription: x", '2 | name: text, "12" in quotes for example | the number 12'],
  ["name: pdf--forms\ndescription: x", '2 | name: 1 to 64 of a-z, 0-9 and single hyphens between them | "pdf--forms"'],
  [`name: ${"a".repeat(65)}\ndescription: x`, `2 | name: 1 to 64 of a-z, 0-9 and single hyphens between them | "${"a".repeat(60)}…"`],
  ["name: other\ndescription: x", '2 | name: the name of its folder, "pdf-forms" | "other"'],
  ["description: x", "1 | name: a name, such as pdf-forms | nothing"],
  ["name: pdf-forms\ndescription: ' '", "3 | description: what the skill does and when to use it | nothing"],
  ["name: pdf-forms", "1 | description: what the skill does and when to use it | nothing"],
  [`${basic}\nmetadata: all of it`, '4 | metadata: a map | "all of it"'],
  [`${basic}\nmetadata:\n  openclaw: yes please`, '5 | metadata.openclaw: a map | "yes please"'],
  [`${basic}\ncommand-dispatch: tool`, "1 | command-tool: the tool that the command calls | nothing"],
  [`${basic}\nname: pdf-forms`, "4 | each key once | name again, first written in line 2"],
  ["- name", "2 | lines such as name: my-skill | a list of 1"],
  ["", "2 | name and description | nothing"],
  [`${basic}\nmetadata: [1, 2`, "4 | YAML | unexpected token"],
  [`${basic}\nmetadata: ${"[".repeat(20)}${"]".repeat(20)}`, "2 | at most 16 levels and 5000 values | more"],
  [`${basic}\nmetadata: &all\n  more: *all`, "2 | at most 16 levels and 5000 values | more"],
])("%j is refused", (front, problem) => {
  expect(refused(skill(front))).toEqual([problem]);
});

test("what is no front matter at all is refused", () => {
  expect(refused("# PDF forms")).toEqual(['1 | --- in the first line, before name and description | "# PDF forms"']);
  expect(refused(`---\n${basic}\n`)).toEqual(["4 | --- in a line of its own behind name and description | the end of the file"]);
  expect(refused("x".repeat(longestSkillFile + 1))).toEqual([`1 | at most ${longestSkillFile} characters | ${longestSkillFile + 1}`]);
});

test("a colon outside of quotes, which YAML does not know, is understood and mentioned", () => {
  const { description, warnings } = read('name: pdf-forms\ndescription: Use this when: somebody says "PDF"');
  expect(description).toBe('Use this when: somebody says "PDF"');
  expect(warnings).toEqual([{ line: 3, expected: 'quotes around a text with ": " in it', came: "none" }]);
});

/** What the processor has worked since then: on a busy machine much more time may pass. */
const userMs = (before: NodeJS.CpuUsage): number => process.cpuUsage(before).user / 1_000;

test("aliases that would grow without end are refused in no time", () => {
  const letters = [..."bcdefghijklmnop"];
  const bomb = letters.map((letter, at) => `${letter}: &${letter} [${`*${at === 0 ? "a" : letters[at - 1]},`.repeat(9)}]`);
  const before = process.cpuUsage();
  expect(refused(skill(`${basic}\na: &a [x,x,x]\n${bomb.join("\n")}`))).toHaveLength(1);
  expect(userMs(before)).toBeLessThan(1_000);
});

test("whatever the text is, it is read or refused, and never takes long", () => {
  const pieces = [
    "---\n",
    "name: pdf-forms\n",
    "description: ",
    "x\n",
    "metadata:\n",
    "  openclaw:\n",
    "    requires: ",
    "{",
    "}",
    "[",
    "]",
    '"',
  ];
  const odd = [
    "'",
    ": ",
    "- ",
    "&a ",
    "*a ",
    "|\n",
    ">\n",
    "<<: ",
    "\t",
    "\0",
    "\ud800",
    "__proto__: ",
    "!!",
    "#",
    "allowed-tools: ",
    "A(",
    ")",
  ];
  let seed = 7;
  const next = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % below;
  };
  const all = [...pieces, ...odd];
  for (let round = 0; round < 4_000; round++) {
    const text = Array.from({ length: 1 + next(24) }, () => all[next(all.length)]).join("");
    const whole = next(2) === 0 ? text : skill(`${basic}\n${text}`);
    const before = process.cpuUsage();
    try {
      expect(parseSkill(whole, "/skills/pdf-forms/SKILL.md").name).toBe("pdf-forms");
    } catch (error) {
      if (!isGatewayError(error)) throw new Error(`${JSON.stringify(whole)}: ${error}`);
      expect(error.code).toBe("SKILL_INVALID");
    }
    expect(userMs(before)).toBeLessThan(1_000);
  }
  for (const long of ["[", "{a: ", "- ", "a(", "x: ", "((", "&a ", "a,"]) {
    const before = process.cpuUsage();
    refused(skill(`${basic}\nallowed-tools: ${long.repeat(15_000)}`));
    expect(userMs(before)).toBeLessThan(2_000);
  }
});
