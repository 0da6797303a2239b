import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import { createDeviceKey } from "@pincer/plugin-sdk/testing/client";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { commonFlags } from "../../kernel/cli/command.ts";
import { commands, families as familySummaries } from "../../kernel/cli/commands.ts";

const root = dirname(dirname(import.meta.dir));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const pages = ["plugins", "channels", "registry", "skills"].flatMap((folder) =>
  readdirSync(join(root, "docs", folder)).map((name) => `docs/${folder}/${name}`),
);
const guides = [
  "README.md",
  ...readdirSync(join(root, "docs")).flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : [])),
  ...pages,
];
const plugins = readdirSync(join(root, "plugins")).filter((id) => existsSync(join(root, "plugins", id, "plugin.json")));
const documents = [...guides, ...plugins.map((id) => `plugins/${id}/README.md`)];
const manifestOf = (folder: string): Manifest => JSON.parse(read(`${folder}/plugin.json`));

const ofPlugins = plugins.flatMap((id) => Object.keys(manifestOf(`plugins/${id}`).generated?.commands ?? {}));
const names = new Set([...commands.map(({ name }) => name), ...ofPlugins]);
const families = new Set(Object.keys(familySummaries));

/** What stands behind `pincer` in code, each word of alternatives (`list | set`) as a line of its own. */
const calls = documents.flatMap((path) =>
  [...read(path).matchAll(/(?:`|^)(?:\$ )?(?:\w+=\S+ +)?(?:\.\/)?pincer ([a-z][^`#\n]*)/gm)].flatMap(([, line = ""]) => {
    const [first = "", second = "", ...rest] = line
      .replaceAll(/ *\\?\| */g, "|")
      .trim()
      .split(/\s+/);
    return second.split("|").map((word) => ({ path, first, second: word, rest }));
  }),
);

/** Without the files that a page shows, whose links lead from where they will be. */
const prose = (path: string) => read(path).replace(/^(`{3,})\w+ .*\n[\s\S]*?^\1$/gm, "");

test("every link in the documents leads somewhere", () => {
  const broken = documents.flatMap((path) =>
    [...prose(path).matchAll(/\]\(([^)#:\s]+)\)/g)].flatMap(([, to = ""]) =>
      existsSync(join(root, dirname(path), to)) ? [] : [`${path}: ${to}`],
    ),
  );
  expect(broken).toEqual([]);
});

test("every page for users is found from the README, link by link", () => {
  const found = new Set(["README.md"]);
  for (const path of found)
    for (const [, to = ""] of read(path).matchAll(/\]\(([^)#:\s]+\.md)(?:#[^)]*)?\)/g)) {
      const target = join(dirname(path), to);
      if (existsSync(join(root, target))) found.add(target);
    }
  expect(guides.filter((page) => !found.has(page))).toEqual([]);
});

test("the README's tables lead to every page in one step, but to those that its page about plugins lists", () => {
  const linked = (path: string) => [...read(path).matchAll(/^\| .*?\]\(([^)#:\s]+\.md)/gm)].map(([, to = ""]) => join(dirname(path), to));
  const ofAuthors = guides.filter((page) => page.startsWith("docs/plugins/"));
  const others = guides.filter((page) => page !== "README.md" && !ofAuthors.includes(page));
  expect(others.filter((page) => !linked("README.md").includes(page))).toEqual([]);
  expect(ofAuthors.filter((page) => !read("docs/plugins.md").includes(`](${page.slice("docs/".length)})`))).toEqual([]);
});

test("every file and folder that a guide names is there", () => {
  const named = guides.flatMap((path) =>
    [...read(path).matchAll(/`((?:kernel|plugins|plugin-host|store|plugin-kit|plugin-sdk|registry|tests|docs)\/[\w./-]*)`/g)].map(
      ([, place = ""]) => ({
        path,
        place,
      }),
    ),
  );
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter(({ place }) => !existsSync(join(root, place))).map(({ path, place }) => `${path}: ${place}`)).toEqual([]);
});

test("every command in the documents and the plugins' READMEs exists", () => {
  expect(calls.length).toBeGreaterThan(40);
  const isOne = (first: string, second: string) => names.has(`${first} ${second}`) || (!families.has(first) && names.has(first));
  const unknown = calls.filter(({ first, second }) => !isOne(first, second));
  expect(unknown.map(({ path, first, second }) => `${path}: pincer ${first} ${second}`)).toEqual([]);
});

test("every option in the documents is one of its command's", () => {
  const own = new Map(commands.map(({ name, flags = [] }) => [name, flags.map((flag) => flag.name)]));
  for (const id of plugins)
    for (const [name, { flags = {} }] of Object.entries(manifestOf(`plugins/${id}`).generated?.commands ?? {}))
      own.set(name, Object.keys(flags));
  const common = commonFlags.map(({ name }) => name);
  const typed = calls.flatMap(({ path, first, second, rest }) => {
    const name = own.has(`${first} ${second}`) ? `${first} ${second}` : first;
    const words = [second, ...rest]
      .join(" ")
      .replaceAll(/"[^"]*"|'[^']*'/g, "")
      .split(/ (?:&&|;|>) /)[0]!;
    return [...words.matchAll(/(?:^|\s)--([a-z][a-z-]*)/g)].map(([, option = ""]) => ({ path, name, option }));
  });
  expect(typed.length).toBeGreaterThan(100);
  const unknown = typed.filter(({ name, option }) => ![...(own.get(name) ?? []), ...common].includes(option));
  expect(unknown.map(({ path, name, option }) => `${path}: pincer ${name} --${option}`)).toEqual([]);
});

test("every method in an example of `pincer call` is one that a gateway answers", () => {
  const own = plugins.flatMap((id) => Object.keys(manifestOf(`plugins/${id}`).generated?.methods ?? {}));
  const shown = pages.flatMap((page) => [...read(page).matchAll(/^ *name: "([\w-]+\.\w+)"/gm)].map(([, name = ""]) => name));
  // The last is of the plugin that the page about a first installation installs.
  const methods = new Set([...own, ...shown, "weather.said"]);
  const called = calls.filter(({ first }) => first === "call");
  expect(called.length).toBeGreaterThan(5);
  expect(called.filter(({ second }) => second !== "" && !methods.has(second)).map(({ path, second }) => `${path}: ${second}`)).toEqual([]);
});

test("the page of the command line names every command", () => {
  const rows = read("docs/cli.md").split("\n");
  const missing = [...names].filter((name) => {
    const [first = "", second] = name.split(" ");
    const isIn = (row: string) => row.includes(`pincer ${name}`) || (row.includes(`pincer ${first} `) && row.includes(`\`${second}\``));
    return !rows.some((row) => row.startsWith("| `pincer ") && isIn(row));
  });
  expect(missing).toEqual([]);
});

/** Under the key of the plugin's settings, where it is an example of a README. */
function examplesOf(path: string): readonly string[] {
  const texts = [...read(path).matchAll(/```json5\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
  const [, id] = /^plugins\/(.+)\/README.md$/.exec(path) ?? [];
  if (id === undefined) return texts;
  const own = manifestOf(dirname(path)).configKey !== undefined;
  return texts.map((text) => (own ? `{ ${text} }` : `{ plugins: { "${id}": { enabled: true, config: { ${text} } } } }`));
}

test("every example of a configuration is accepted as it stands, without a warning", async () => {
  const examples = documents.flatMap(examplesOf);
  expect(examples.length).toBeGreaterThan(8);
  await using gateway = await startTestGateway({
    enable: ["provider-openai", "provider-anthropic", "provider-gemini", "provider-copilot"],
  });
  // With devices of their own: whoever came by the shared secret alone has to come again when the examples change that. One may write 30 times a minute.
  const enough = Array.from({ length: Math.ceil(examples.length / 30) }, () => gateway.connect({ device: createDeviceKey() }));
  const clients = await Promise.all(enough);
  await clients[0]!.call("secrets.store.set", { name: "GATEWAY_PASSWORD", kind: "secret", value: "correct horse" });
  for (const [index, raw] of examples.entries()) {
    const client = clients[Math.floor(index / 30)]!;
    const { hash } = await client.call<{ hash: string }>("config.get", {});
    // The gateway of this test keeps its own door: what an example says of it is checked, and not entered by this client.
    const checked = client.call("config.set", { raw: raw.replace(/auth: \{ mode: "password"/, 'auth: { mode: "token"'), baseHash: hash });
    await expect(checked).resolves.toMatchObject({ ok: true });
    const { issues } = await client.call<{ issues: unknown[] }>("config.get", {});
    expect(issues).toEqual([]);
  }
});
