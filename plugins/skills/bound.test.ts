import { expect, test } from "bun:test";
import { parseSkill } from "@pincer/plugin-sdk/skill";
import { plainCommands, refusalOf } from "./bound.ts";

const under = (...lists: (string | undefined)[]) =>
  lists.map((list, at) => {
    const { allowedTools } = parseSkill(
      `---\nname: s${at}\ndescription: x\n${list === undefined ? "" : `allowed-tools: ${list}\n`}---\n`,
      `/s${at}/SKILL.md`,
    );
    return { name: `s${at}`, folder: `/s${at}`, ...(allowedTools === undefined ? {} : { allowedTools }) };
  });
const may = (lists: readonly (string | undefined)[], tool: string, args: unknown = {}) =>
  refusalOf(under(...lists), tool, args) === undefined;
const runs = (list: string, command: string) => may([list], "exec", { command });

test("a list allows what it names, under the names of other clients too", () => {
  expect(may([], "exec")).toBe(true);
  expect(may([undefined], "exec")).toBe(true);
  expect(may(["Read Edit"], "read", { path: "a" })).toBe(true);
  expect(may(["Edit"], "patch")).toBe(true);
  expect(may(["Bash"], "process")).toBe(true);
  expect(may(["browser*"], "browser.click")).toBe(true);
  expect(may(["Read"], "exec")).toBe(false);
  expect(may(['""'], "read")).toBe(false);
});

test("several lists add up; a skill without one adds nothing to them", () => {
  expect(may(["read", "write"], "write")).toBe(true);
  expect(may(["read", undefined], "write")).toBe(false);
});

test("skills themselves can always be read and found", () => {
  expect(may(["read"], "skills_read")).toBe(true);
  expect(may(["read"], "skills_search")).toBe(true);
});

test.each([
  ["exec(git:*)", "git log --oneline -3"],
  ["exec(git *)", "git commit -m 'one; two $three'"],
  ["exec(git:*)", 'git commit -m "one | two"'],
  ["Bash(git log:*)", "git log"],
  ["exec(git status)", "git  status"],
  ["exec(*)", "anything at all"],
  ["exec(git:*) exec(head:*)", "git log | head -3 && git status\ngit diff; git show"],
  ["exec(grep:*)", "grep -r a* src/{a,b}"],
])("%s allows %j", (list, command) => expect(runs(list, command)).toBe(true));

test.each([
  ["exec(git:*)", "git log; rm -rf /"],
  ["exec(git:*)", "git log\nrm -rf /"],
  ["exec(git:*)", "git log\r\nrm -rf /"],
  ["exec(git:*)", "git log | sh"],
  ["exec(git:*)", "git log & rm x"],
  ["exec(git:*)", "git log |& sh"],
  ["exec(git:*)", "git log > /etc/passwd"],
  ["exec(git:*)", "git log < /etc/passwd"],
  ["exec(git:*)", "git $(rm x)"],
  ["exec(git:*)", 'git "$(rm x)"'],
  ["exec(git:*)", "git `rm x`"],
  ["exec(git:*)", 'git "`rm x`"'],
  ["exec(git:*)", "git $HOME"],
  ["exec(git:*)", "GIT_SSH_COMMAND=x git fetch"],
  ["exec(git:*)", "gitx log"],
  ["exec(git:*)", "/tmp/git log"],
  ["exec(git:*)", "git\\ x"],
  ["exec(git:*)", "(git log)"],
  ["exec(git:*)", "git log # x"],
  ["exec(git:*)", "git 'log"],
  ["exec(git:*)", "git log |"],
  ["exec(git:*)", "git log;; git log"],
  ["exec(git:*)", ""],
  ["exec(git log:*)", "git push"],
  ["exec(git status)", "git status --all"],
])("%s does not allow %j", (list, command) => expect(runs(list, command)).toBe(false));

test("a path fits as it is written, and leads nowhere else", () => {
  const writes = (path: string) => may(["Write(notes/**)"], "write", { path });
  expect(writes("notes/a/b.md")).toBe(true);
  expect(writes("./notes/a.md")).toBe(true);
  expect(writes("notes/../secret")).toBe(false);
  expect(writes("other/a.md")).toBe(false);
  expect(writes("/notes/a.md")).toBe(false);
  expect(may(["Write(notes/**)"], "write", {})).toBe(false);
});

test("a line is taken apart as a shell would, or not at all", () => {
  expect(plainCommands(`a 'b c' "d e" f'g'"h" | i && j`)).toEqual([["a", "b c", "d e", "fgh"], ["i"], ["j"]]);
  expect(plainCommands("a ")).toEqual([["a"]]);
  expect(plainCommands("a; ")).toBeUndefined();
  expect(plainCommands("")).toBeUndefined();
});
