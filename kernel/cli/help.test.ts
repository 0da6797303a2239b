import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { createCliHome } from "../../tests/support/cli.ts";
import { checkArguments, commandHelp, commonFlags, parse } from "./command.ts";
import { commands, families } from "./commands.ts";
import { openHome } from "./home.ts";
import { pluginCommands } from "./plugin-commands.ts";

test("pincer alone shows every command, grouped, within 80 columns' reading", async () => {
  await using home = createCliHome();
  const { out, code } = await home.pincer([]);
  expect(code).toBe(0);
  for (const { name } of commands) expect(out).toContain(name.split(" ").at(-1)!);
  for (const first of Object.keys(families)) expect(commands.some(({ name }) => name.startsWith(`${first} `))).toBe(true);
  expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(110);
  expect(out).not.toContain("\u001b");
  // Families of plugins' commands say what they are about, too, and that is the plugin's own word.
  for (const [first, about] of [
    ["channels", "Where people write"],
    ["pairing", "Who may write"],
    ["models", "Models that answer"],
  ] as const) {
    expect(out).toMatch(new RegExp(`\n +${first} +${about}.*\\(`));
    expect((await home.pincer([first, "--help"])).out).toContain(`pincer ${first}  ${about}`);
  }
});

test("every command, of the plugins too, has help that says of each option what it does, and code that can be loaded", async () => {
  await using home = createCliHome();
  const ofPlugins = pluginCommands(openHome(home.path), commands);
  expect(ofPlugins.length).toBeGreaterThan(30);
  for (const command of [...commands, ...ofPlugins]) {
    const help = commandHelp(command);
    expect(help).toContain(command.summary);
    for (const { name } of command.flags ?? []) expect(help).toContain(`--${name}`);
    for (const { summary } of command.flags ?? []) expect(summary).toMatch(/^[A-Z].*[^.]$/);
    expect(typeof (await command.load())).toBe("function");
    // An option that another speaks of is one of the same command.
    const flags = [...(command.flags ?? []), ...commonFlags];
    const named = flags.flatMap(({ summary }) => [...summary.matchAll(/--([a-z-]+)/g)].map(([, name]) => name));
    expect([command.name, named.filter((name) => !flags.some((flag) => flag.name === name))]).toEqual([command.name, []]);
  }
  const takes = (flag: string) => ofPlugins.flatMap(({ name, flags }) => (flags?.some((one) => one.name === flag) ? name : []));
  // Only what is removed can do no more than before.
  expect(takes("yes").filter((name) => !takes("accept").includes(name))).toEqual(["remove", "skills remove"]);
});

test("help is found wherever one looks for it", async () => {
  await using home = createCliHome();
  const wanted = (await home.pincer(["config", "set", "--help"])).out;
  expect(wanted).toContain("pincer config set <path> [value]");
  expect((await home.pincer(["help", "config", "set"])).out).toBe(wanted);
  expect((await home.pincer(["config", "--help"])).out).toContain("config set <path> [value]");
  expect((await home.pincer(["--version"])).out).toMatch(/^pincer \d/);
});

test("a mistyped command, option or argument exits with 2, guesses what was meant, and says what to do", async () => {
  await using home = createCliHome();
  for (const [words, said] of [
    [["statsu"], 'there is no command "statsu"; did you mean "status"?'],
    [["config", "gett"], 'there is no command "config gett"; did you mean "get"?'],
    [["uninstall", "telegram"], 'there is no command "uninstall"; did you mean "remove"?'],
    [["skills", "list"], 'there is no command "skills list"; did you mean "status"?'],
    [["skills", "info", "git"], 'there is no command "skills info"; did you mean "status"?'],
    [["start"], 'there is no command "start"; did you mean "up"?'],
    [["--hom", "/tmp"], "unknown option --hom; did you mean --home?"],
    [["--frozen", "nothing"], "unknown option --frozen"],
    [["install", "--yess", "telegram"], "unknown option --yess; did you mean --yes?\nnext  pincer install [package...] [options]\n"],
    [["logs", "-n", "many"], '--lines: expected a number of at least 1, came "many"\nnext  pincer logs [options]\n'],
    [["config", "set", "gateway.port"], "give a value, or --unset\nnext  pincer config set <path> [value] [options]\n"],
    [["logs", "--folow"], "unknown option --folow; did you mean --follow?"],
    [["call"], "<method> is missing"],
    [["version", "now"], '"now" is one argument too many'],
    [["logs", "--lines"], "--lines needs a value: <number>"],
    [["logs", "--follow=yes"], "--follow takes no value"],
    [["completion", "tcsh"], '"tcsh" is not one of bash, zsh, fish'],
  ] as const) {
    const { code, err } = await home.pincer(words);
    expect({ words, code }).toEqual({ words, code: 2 });
    expect(err).toContain(said);
    expect(err).toContain("next");
  }
});

test("with --json help is JSON too: what each command is, takes and is for", async () => {
  await using home = createCliHome();
  const names = (value: unknown) => (value as readonly { readonly name: string }[]).map(({ name }) => name);
  expect(names(await home.json([]))).toEqual(expect.arrayContaining(["up", "skills status", "registry add"]));
  expect(names(await home.json(["config", "--help"]))).toEqual(["config get", "config set"]);
  expect(await home.json(["logs", "--help"])).toMatchObject({
    name: "logs",
    flags: expect.arrayContaining([expect.objectContaining({ name: "lines" })]),
  });
});

test("a home that is a file, and a folder where a file is to be written, are said so", async () => {
  await using home = createCliHome();
  const file = join(home.path, "..", "file");
  writeFileSync(file, "");
  expect(await home.pincer(["status", "--home", file])).toMatchObject({
    code: 1,
    err: `error the home ${file}: expected a folder, came a file\n`,
  });
  const folder = join(home.path, "..");
  expect(await home.pincer(["protocol", "export", "-o", folder])).toMatchObject({
    code: 1,
    err: `error ${folder}: expected a file, came a folder\n`,
  });
});

test("with --json an error is JSON too, with its code and what to do next", async () => {
  await using home = createCliHome();
  expect(JSON.parse((await home.pincer(["call", "health", "--json"])).out)).toEqual({
    ok: false,
    error: { code: "CLI_NOT_RUNNING", message: `no gateway runs with the home ${home.path}`, next: "pincer up" },
  });
});

test("options stand anywhere, take their value after a blank or =, and end at --", () => {
  expect(parse(["--home", "/x", "logs", "-n", "5", "--level=warn", "-f"], commands)).toMatchObject({
    command: { name: "logs" },
    flags: { home: "/x", lines: "5", level: "warn", follow: true },
    args: [],
  });
  expect(parse(["chat", "--", "--help", "me"], commands)).toMatchObject({ args: ["--help", "me"], flags: {} });
  expect(() => checkArguments(commands.find(({ name }) => name === "chat")!, ["a", "b", "c"])).not.toThrow();
});

testWith("bash")("each shell completes commands, their second words and their options, with the same words", async () => {
  await using home = createCliHome();
  const words = async (...typed: string[]) =>
    (await home.pincer(["completion", "words", "--", ...typed])).out
      .trim()
      .split("\n")
      .map((line) => line.split("\t")[0]);
  expect(await words("")).toEqual(expect.arrayContaining(["up", "config", "chat"]));
  expect(await words("config", "")).toEqual(["get", "set"]);
  expect(await words("logs", "--f")).toContain("--follow");
  expect(await words("config", "set", "--")).toContain("--unset");
  expect(await words("config", "set", "gateway.log")).toEqual(["gateway.log", "gateway.log.level"]);
  expect(await words("config", "get", "plugins.webchat.")).toEqual([
    "plugins.webchat.enabled",
    "plugins.webchat.unsandboxed",
    "plugins.webchat.isolation",
  ]);

  const bin = join(home.path, "..", "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "pincer"), `#!/bin/sh\nexec ${home.command.join(" ")} "$@"\n`, { mode: 0o755 });
  const complete = async (...typed: string[]) => {
    const script = (await home.pincer(["completion", "bash"])).out;
    const run = `${script}\nCOMP_WORDS=(pincer ${typed.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${typed.length}; _pincer; echo "\${COMPREPLY[@]}"`;
    return Bun.spawnSync(["bash", "-c", run], { env: { ...home.env, PATH: `${bin}:${home.env["PATH"]}` } })
      .stdout.toString()
      .trim();
  };
  expect(await complete("st")).toBe("stop status");
  expect(await complete("config", "s")).toBe("set");
  expect(await complete("config", "set", "--u")).toBe("--unset");
});

test("a reader who has had enough, such as head, ends a command quietly", async () => {
  await using home = createCliHome();
  const command = [...home.command, "protocol", "export"].map((word) => `'${word}'`).join(" ");
  const shell = Bun.spawn(["sh", "-c", `{ ${command}; echo "ended with $?" >&2; } | head -c 10`], {
    env: home.env,
    stdout: "pipe",
    stderr: "pipe",
  });
  expect(await new Response(shell.stdout).text()).toHaveLength(10);
  expect(await new Response(shell.stderr).text()).toBe("ended with 0\n");
});
