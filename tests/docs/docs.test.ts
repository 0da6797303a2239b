import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { commands } from "../../kernel/cli/commands.ts";

const root = dirname(dirname(import.meta.dir));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const documents = ["README.md", ...readdirSync(join(root, "docs")).flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : []))];

test("every link in the documents leads somewhere", () => {
  const broken = documents.flatMap((path) =>
    [...read(path).matchAll(/\]\(([^)#:\s]+)\)/g)].flatMap(([, to = ""]) =>
      existsSync(join(root, dirname(path), to)) ? [] : [`${path}: ${to}`],
    ),
  );
  expect(broken).toEqual([]);
});

test("every command in the documents exists, and every command is in the documents", () => {
  const names = new Set(commands.map(({ name }) => name));
  const families = new Set([...names].map((name) => name.split(" ")[0]));
  const told = new Set<string>();
  for (const path of documents) {
    for (const [, line = ""] of read(path).matchAll(/`(?:\.\/)?pincer ([^`]+)`/g)) {
      const [first = "", second = ""] = line.split(/\s+/);
      expect(families.has(first) ? "known" : `${path}: pincer ${line}`).toBe("known");
      told.add(names.has(`${first} ${second}`) ? `${first} ${second}` : first);
    }
  }
  const cli = read("docs/cli.md");
  expect([...families].filter((family) => !new RegExp(`pincer ${family}\\b`).test(cli ?? ""))).toEqual([]);
  expect(told.size).toBeGreaterThan(10);
});

test("every example of a configuration is accepted as it stands, without a warning", async () => {
  const examples = [...read("docs/configuration.md").matchAll(/```json5\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
  expect(examples.length).toBeGreaterThan(3);
  await using gateway = await startTestGateway({ enable: ["provider-openai", "provider-anthropic"] });
  const client = await gateway.connect();
  await client.call("secrets.store.set", { name: "GATEWAY_PASSWORD", kind: "secret", value: "correct horse" });
  for (const raw of examples) {
    const { hash } = await client.call<{ hash: string }>("config.get", {});
    // The gateway of this test keeps its own door: what an example says of it is checked, and not entered by this client.
    const checked = client.call("config.set", { raw: raw.replace(/auth: \{ mode: "password"/, 'auth: { mode: "token"'), baseHash: hash });
    await expect(checked).resolves.toMatchObject({ ok: true });
    const { issues } = await client.call<{ issues: unknown[] }>("config.get", {});
    expect(issues).toEqual([]);
  }
});
