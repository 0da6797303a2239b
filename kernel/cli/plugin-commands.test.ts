import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createCliHome } from "../../tests/support/cli.ts";

const source = `export default {
  setup(ctx) {
    ctx.command({ name: "greet", summary: "Greets somebody", usage: "<name>" }, async ([name], io) => {
      if (name === "gateway") io.print("gateway is ok: " + (await io.call("health")).ok);
      else if (name === "whoever-changes") {
        const { promise, resolve } = Promise.withResolvers();
        await io.on("plugins.changed", resolve);
        await io.call("plugins.reload", { pluginId: "routing" });
        io.print("heard of change " + typeof (await promise).generation);
      } else io.print(io.json ? JSON.stringify({ hello: name }) : "hello " + name);
      return name === "nobody" ? 7 : 0;
    });
    const flags = { to: "Where it goes", loud: "So that all hear it" };
    ctx.command({ name: "greetings send", summary: "Sends one", usage: "<name> [--to <place>...] [--loud]", flags, family: "Kind words" }, async (args, io) => {
      io.print(args.join(" "));
      return 0;
    });
  },
};
`;

test("a plugin's command is listed from its manifest, runs here when its code is trusted that far, and reaches the gateway over the caller's connection", async () => {
  await using home = createCliHome();
  const folder = join(home.path, "plugins", "greeter", "v1");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "plugin.ts"), source);
  writeFileSync(
    join(folder, "plugin.json"),
    JSON.stringify({ id: "greeter", version: "1.0.0", sdk: "*", summary: "Greets.", entry: "plugin.ts" }),
  );

  expect(await home.pincer(["plugin", "build", folder, "--check"])).toMatchObject({
    code: 1,
    err: expect.stringContaining("pincer plugin build"),
  });
  expect((await home.pincer(["plugin", "build", folder])).out).toContain("brought up to date");
  expect(readFileSync(join(folder, "dist", "plugin.js"), "utf8")).toContain("hello");
  expect((await home.pincer(["plugin", "build", folder, "--check"])).code).toBe(0);

  expect((await home.pincer([])).out).toMatch(/Plugins\n( {2}.*\n)* +greet +Greets somebody/);
  expect((await home.pincer(["greet", "--help"])).out).toContain("pincer greet <name>");
  expect(await home.pincer(["greet", "Ada"])).toMatchObject({
    code: 1,
    out: "",
    err: expect.stringContaining("plugins.greeter.unsandboxed"),
  });
  await home.pincer(["config", "set", "plugins.greeter.unsandboxed", "true"]);
  expect(await home.pincer(["greet", "Ada"])).toEqual({ code: 0, out: "hello Ada\n", err: "" });
  expect(await home.json(["greet", "Ada"])).toEqual({ hello: "Ada" });
  expect((await home.pincer(["greet"])).code).toBe(2);
  expect((await home.pincer(["greet", "nobody"])).code).toBe(7);
  expect((await home.pincer(["gret", "Ada"])).err).toContain('did you mean "greet"?');
  expect(await home.pincer(["greet", "gateway"])).toMatchObject({ code: 3, err: expect.stringContaining("pincer up") });
  await home.pincer(["up"]);
  expect((await home.pincer(["greet", "gateway"])).out).toBe("gateway is ok: true\n");
  expect((await home.pincer(["greet", "whoever-changes"])).out).toBe("heard of change number\n");
});

test("the flags of a plugin's command are in its help and in completion, each with its value, and lists show its arguments alone", async () => {
  await using home = createCliHome();
  const folder = join(home.path, "plugins", "greeter", "v1");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "plugin.ts"), source);
  const manifest = { id: "greeter", version: "1.0.0", sdk: "*", summary: "Greets.", entry: "plugin.ts" };
  writeFileSync(join(folder, "plugin.json"), JSON.stringify(manifest));
  writeFileSync(join(folder, "plugin.ts"), source.replace(', loud: "So that all hear it"', ""));
  const unsaid = 'the command "greetings send" has --loud only in its usage, or only in its flags';
  expect(await home.pincer(["plugin", "build", folder])).toMatchObject({ code: 1, err: expect.stringContaining(unsaid) });
  writeFileSync(join(folder, "plugin.ts"), source);
  await home.pincer(["plugin", "build", folder]);
  await home.pincer(["config", "set", "plugins.greeter.unsandboxed", "true"]);

  expect((await home.pincer(["greetings", "--help"])).out).toMatch(/^ {2}greetings send <name> {2}Sends one$/m);
  const help = (await home.pincer(["greetings", "send", "--help"])).out;
  expect(help).toMatch(/^pincer greetings send <name>\n {2}Sends one$/m);
  expect(help).toMatch(/^ {2}--to <place> {5}Where it goes\n {2}--loud {11}So that all hear it\n {2}--json {2,}Answer in JSON/m);
  expect((await home.pincer(["completion", "words", "--", "greetings", "send", "--l"])).out).toContain("--loud");

  const sent = async (...words: string[]) => (await home.pincer(["greetings", "send", ...words])).out.trim();
  expect(await sent("--to", "the moon", "Ada", "--loud", "--to=Mars")).toBe("Ada --to the moon --loud --to Mars");
  for (const [words, said] of [
    [["--to", "Mars"], "<name> is missing"],
    [["Ada", "--to"], "--to needs a value: <place>"],
    [["Ada", "Grace"], '"Grace" is one argument too many'],
    [["Ada", "--lout"], "unknown option --lout; did you mean --loud?"],
    [["Ada", "--loud=very"], "--loud takes no value"],
  ] as const)
    expect(await home.pincer(["greetings", "send", ...words])).toMatchObject({ code: 2, err: expect.stringContaining(said) });
});
