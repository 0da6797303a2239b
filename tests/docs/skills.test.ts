/** Does what the page about writing skills says, word by word: its commands, its files, and an agent that uses the skill. */
import { expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { asks, scriptedPlugins, startScript } from "@pincer/plugin-sdk/testing/script";
import { linkPlugin } from "../../plugin-kit/link.ts";
import { alarmRules } from "../../plugins/skills/kit/alarms.ts";
import { createCliHome } from "../support/cli.ts";

const pincer = dirname(dirname(import.meta.dir));
const page = readFileSync(join(pincer, "docs", "skills", "writing.md"), "utf8");
const blocks = [...page.matchAll(/^(`{3,4})(\w+) ?(.*)\n([\s\S]*?)^\1$/gm)].map(([, , language = "", file = "", text = ""]) => ({
  language,
  file,
  text,
}));

test("the first skill is made, written and used as its page says", async () => {
  await using home = createCliHome();
  const script = startScript();
  try {
    const here = dirname(home.path);
    const provider = join(here, "scripted-provider");
    cpSync(join(scriptedPlugins, "scripted-provider"), provider, { recursive: true });
    symlinkSync(join(pincer, "node_modules"), join(here, "node_modules"));
    const manifest = JSON.parse(readFileSync(join(provider, "plugin.json"), "utf8"));
    writeFileSync(join(provider, "plugin.json"), JSON.stringify({ ...manifest, configKey: "scripted-provider" }));
    linkPlugin(provider, home.path);
    const trusted = { enabled: true, unsandboxed: true };
    const config = {
      models: { default: "scripted/one" },
      "scripted-provider": { url: script.url },
      plugins: { "scripted-provider": trusted },
    };
    writeFileSync(join(home.path, "pincer.json5"), JSON.stringify(config));
    // The reader's own model: it reads the page, and runs the command that stands there.
    script.answer([asks("skills_read", { name: "tea" })]);
    script.answer(({ messages }) => {
      const read = JSON.stringify(messages.at(-1)?.content);
      return [asks("exec", { command: /sh \S+\/steep\.sh green/.exec(read)?.[0] ?? "the page has no such command" })];
    });
    script.answer([{ text: "Two minutes, at 75 degrees." }]);

    const skills = join(home.path, "workspace", "skills");
    let said = "";
    let ran = 0;
    for (const { language, file, text } of blocks) {
      if (file !== "") {
        mkdirSync(dirname(join(skills, file)), { recursive: true });
        writeFileSync(join(skills, file), text);
      } else if (language === "text") for (const line of text.trim().split("\n")) expect(said).toContain(line);
      else if (language === "sh")
        for (const line of text.trim().split("\n")) {
          const [first, ...words] = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? "");
          expect(first).toBe("pincer");
          const { code, out, err } = await home.pincer(words);
          expect({ line, code, err: code === 0 ? "" : `${out}${err}` }).toEqual({ line, code: 0, err: "" });
          said = out;
          ran += 1;
        }
    }
    expect(ran).toBe(6);
    expect(said).toContain("Two minutes, at 75 degrees.");
    expect(script.models[2]?.request.messages.at(-1)).toMatchObject({
      toolName: "exec",
      isError: false,
      content: [{ text: expect.stringMatching(/^green: 75 degrees, 2 minutes\n/) }],
    });

    rmSync(join(skills, "tea", "scripts", "load.sh"));
    const { steps } = (await home.json<{ skills: { steps: { name: string; verdict: string }[] }[] }>(["skills", "check", "tea"]))
      .skills[0]!;
    expect(steps.filter(({ verdict }) => verdict !== "passed")).toEqual([]);
  } finally {
    await script.stop();
  }
}, 120_000);

test("the page has every rule by which text alarms, in the part that it belongs to", () => {
  const [first = "", second = ""] = page.slice(page.indexOf("## What alarms")).split("The others warn");
  const named = (part: string) =>
    [...part.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = ""]) => [...cell.matchAll(/`([\w-]+)`/g)].map(([, rule]) => rule!)).sort();
  const of = (severity: string) =>
    [...alarmRules]
      .filter(([, is]) => is === severity)
      .map(([rule]) => rule)
      .sort();
  expect(named(first)).toEqual(of("high"));
  expect(named(second.split("\n## ")[0]!)).toEqual(of("medium"));
});
