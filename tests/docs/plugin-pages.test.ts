/** Runs the pages for authors of plugins as they stand: every file that they show is written, every command is called. */
import { afterAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import { scriptedPlugins, startScript } from "@pincer/plugin-sdk/testing/script";
import { buildPlugin } from "../../plugin-kit/build.ts";
import { checkPlugin } from "../../plugin-kit/check.ts";
import { linkPlugin } from "../../plugin-kit/link.ts";
import { createCliHome } from "../support/cli.ts";

const pincer = dirname(dirname(import.meta.dir));
const blank = join(pincer, "plugin-kit", "templates", "blank");
const pages = join(pincer, "docs", "plugins");
const temporary = mkdtempSync(join(tmpdir(), "pincer-pages-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

interface Block {
  readonly language: string;
  readonly file: string;
  readonly text: string;
}
const blocksOf = (page: string): readonly Block[] =>
  [...readFileSync(join(pages, page), "utf8").matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map(
    ([, language = "", file = "", text = ""]) => ({
      language,
      file: file.trim(),
      text,
    }),
  );

const shown = readdirSync(pages).filter((page) => page !== "first-plugin.md" && blocksOf(page).some(({ file }) => file === "plugin.ts"));

test("there is a page for each thing that an author can make", () => {
  expect(shown.sort()).toEqual([
    "channel.md",
    "hooks.md",
    "jobs.md",
    "methods.md",
    "policy.md",
    "provider.md",
    "router.md",
    "routes.md",
    "state.md",
    "tool.md",
  ]);
  for (const page of readdirSync(pages)) expect(readFileSync(join(pincer, "docs", "plugins.md"), "utf8")).toContain(`(plugins/${page})`);
});

test.each(shown)(
  "the plugin of %s is in order",
  async (page) => {
    const files = blocksOf(page).filter(({ file }) => file !== "");
    const { id } = JSON.parse(files.find(({ file }) => file === "plugin.json")!.text) as { id: string };
    const folder = join(temporary, id);
    mkdirSync(folder);
    for (const { file, text } of files) writeFileSync(join(folder, file), text);
    cpSync(join(blank, "package.json"), join(folder, "package.json"));
    symlinkSync(join(pincer, "node_modules"), join(folder, "node_modules"));
    await buildPlugin(folder, clock);
    const failed: string[] = [];
    for await (const { name, verdict, summary, lines } of checkPlugin(folder, { clock, pincer, home: "/nowhere" }))
      if (verdict !== "passed" && name !== "types") failed.push(`${name}: ${summary}\n${lines.join("\n")}`);
    expect(failed).toEqual([]);
  },
  300_000,
);

// All at once: each alone, the types of the SDK would be read as often.
test("the types of all of them are in order", () => {
  expect(readdirSync(temporary)).toHaveLength(shown.length);
  cpSync(join(blank, "tsconfig.json"), join(temporary, "tsconfig.json"));
  symlinkSync(join(pincer, "node_modules"), join(temporary, "node_modules"));
  const tsc = join(pincer, "node_modules", "typescript", "bin", "tsc");
  const { exitCode, stdout } = Bun.spawnSync([process.execPath, tsc, "--noEmit", "--pretty", "false"], { cwd: temporary });
  expect({ exitCode, said: stdout.toString() }).toEqual({ exitCode: 0, said: "" });
}, 300_000);

test("the first plugin is made, changed and used as its page says", async () => {
  await using home = createCliHome();
  const here = dirname(home.path);
  const script = startScript();
  try {
    // The reader's own model: it asks for the tool, as a real one would.
    const provider = join(here, "scripted-provider");
    cpSync(join(scriptedPlugins, "scripted-provider"), provider, { recursive: true });
    symlinkSync(join(pincer, "node_modules"), join(here, "node_modules"));
    const manifest = JSON.parse(readFileSync(join(provider, "plugin.json"), "utf8"));
    // What is linked has its settings under its own name.
    writeFileSync(join(provider, "plugin.json"), JSON.stringify({ ...manifest, configKey: "scripted-provider" }));
    linkPlugin(provider, home.path);
    const trusted = { enabled: true, unsandboxed: true };
    const config = {
      models: { default: "scripted/one" },
      "scripted-provider": { url: script.url },
      plugins: { "scripted-provider": trusted },
    };
    writeFileSync(join(home.path, "pincer.json5"), JSON.stringify(config));
    script.answer([{ call: "dice_roll", args: { sides: 6, count: 4, keep: 3 } }], [{ text: "You rolled well." }]);

    let said = "";
    let ran = 0;
    for (const { language, file, text } of blocksOf("first-plugin.md")) {
      if (file !== "") writeFileSync(join(here, file), text);
      else if (language === "text") for (const line of text.trim().split("\n")) expect(said).toContain(line);
      else
        for (const line of text.trim().split("\n")) {
          const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? "");
          expect(words[0]).toBe("pincer");
          const { code, out, err } = await home.pincer(words.slice(1));
          expect({ line, code, err: code === 0 ? "" : `${out}${err}` }).toEqual({ line, code: 0, err: "" });
          said = out;
          ran += 1;
          if (words[1] === "chat") expect(out).toContain("You rolled well.");
        }
    }
    expect(ran).toBeGreaterThan(8);
    const [, second] = script.models;
    expect(second?.request.messages.at(-1)).toMatchObject({
      role: "toolResult",
      toolName: "dice_roll",
      content: [{ type: "text", text: expect.stringMatching(/^\d, \d, \d, \d; the highest 3 make \d+$/) }],
    });
  } finally {
    await script.stop();
  }
}, 180_000);
