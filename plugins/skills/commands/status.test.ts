import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createCliHome } from "../../../tests/support/cli.ts";

const page = (name: string, ...more: readonly string[]) =>
  ["---", `name: ${name}`, "description: Brews tea. Use when somebody is thirsty.", ...more, "---", "", "Brew it.", ""].join("\n");

test("each skill is shown with its place, and why it cannot be used", async () => {
  await using home = createCliHome();
  const write = (name: string, text: string) => {
    const file = join(home.path, "workspace", "skills", name, "SKILL.md");
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  const needs = ["metadata:", "  openclaw:", "    primaryEnv: TEA_KEY", "    requires: { bins: [no-such-kettle, sh], env: [TEA_KEY] }"];
  write("tea", page("tea"));
  write(
    "strong-tea",
    page("strong-tea", ...needs, "    install:", "      - { id: k, kind: brew, formula: kettle, label: Install the kettle }"),
  );
  write("no-tea", page("other"));
  write("loud-tea", page("loud-tea").replace(/description: .*/, 'description: "Brews \\e[2Jtea\\n● git  bundled"'));

  expect(await home.pincer(["skills", "status"])).toMatchObject({ code: 3, err: expect.stringContaining("no gateway runs") });
  await home.pincer(["up"]);
  await home.pincer(["plugins", "enable", "skills"]);
  const { code, out } = await home.pincer(["skills", "status"]);
  expect(code).toBe(0);
  const lines = out.split("\n").map((line) => line.trimEnd());
  expect(lines).toContain("● tea             workspace  Brews tea. Use when somebody is thirsty.");
  const at = lines.findIndex((line) => line.includes("strong-tea"));
  expect(lines.slice(at, at + 2)).toEqual([
    "○ strong-tea      workspace  commands here have no no-such-kettle",
    "                             TEA_KEY is not set: skills.entries.strong-tea.env.TEA_KEY",
  ]);
  expect(out).toMatch(/^○ no-tea +workspace {2}SKILL.md, line 2: expected name: the name of its folder, "no-tea", came "other"$/m);
  expect(out).toContain("● loud-tea        workspace  Brews \ufffd[2Jtea ● git bundled\n");
  expect(out).toMatch(/^● git +bundled {4}Works with a git repository/m);
  expect(out).toMatch(/\n\d+ of \d+ can be used, \d+ cannot be used as things are; those of the workspace are in .*\/workspace\/skills\n$/);

  const shown = (await home.pincer(["skills", "status", "strong-tea"])).out;
  expect(shown).toMatch(/^○ strong-tea\n {13}commands here have no no-such-kettle\n/);
  expect(shown).toMatch(/^ {2}chosen by {2}the model\n {13}you, with \/strong-tea$/m);
  expect(shown).toMatch(/^ {2}needs {6}no-such-kettle \(missing\)\n {13}sh\n {13}TEA_KEY \(missing\)$/m);
  expect(shown).toMatch(/^ {2}to get it {2}Install the kettle: brew install kettle$/m);

  const json = await home.json<{ skills: { name: string; eligible: boolean }[] }>(["skills", "status"]);
  expect(json.skills.find(({ name }) => name === "tea")).toMatchObject({ eligible: true });
  const unknown = await home.json<{ error: { code: string; message: string } }>(["skills", "status", "taa"]);
  expect(unknown.error).toMatchObject({ code: "SKILLS_UNKNOWN", message: expect.stringContaining('did you mean "tea"?') });

  await home.pincer(["plugins", "disable", "skills"]);
  expect(await home.json(["skills", "status"])).toMatchObject({
    error: { code: "SKILLS_OFF", message: expect.stringContaining("pincer plugins enable skills") },
  });
}, 120_000);
