/** Runs the examples of the page about OpenAI's API as they stand. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { ApiConfig } from "../../plugins/openai-api/config.ts";
import { STATUSES } from "../../plugins/openai-api/failure.ts";

const root = dirname(dirname(import.meta.dir));
const page = readFileSync(join(root, "docs", "openai-api.md"), "utf8");
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(([, text = ""]) => text);

const folder = mkdtempSync(join(tmpdir(), "pincer-openai-page-"));
symlinkSync(join(root, "plugins", "openai-api", "node_modules"), join(folder, "node_modules"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const start = () => startTestGateway({ enable: ["openai-api"], config: { models: { default: "demo/offline" } } });

async function run(command: readonly string[], { http, token }: Awaited<ReturnType<typeof start>>) {
  const env = { ...process.env, PINCER_URL: http, PINCER_TOKEN: token };
  const child = Bun.spawn([...command], { cwd: folder, env, stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { out, err, code };
}

test.each(blocks("ts").map((text, at) => [at + 1, text] as const))(
  "example %d in TypeScript runs, and says something",
  async (at, text) => {
    await using gateway = await start();
    const file = join(folder, `example-${at}.ts`);
    writeFileSync(file, text);
    const { out, err, code } = await run([process.execPath, file], gateway);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/demo|token|completed/i);
  },
  120_000,
);

test("the examples for the shell ask what is answered", async () => {
  await using gateway = await start();
  const lines = blocks("sh").flatMap((text) => text.split("\n").filter((line) => line.startsWith("curl ")));
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) {
    const [, path = "", body] = /^curl -s "\$PINCER_URL(\S+)" -H "authorization: Bearer \$PINCER_TOKEN"(?: -d '(.*)')?$/.exec(line) ?? [];
    const sent = body === undefined ? {} : { method: "POST", body };
    const response = await gateway.request(path, { ...sent, headers: { authorization: `Bearer ${gateway.token}` } });
    expect([line, response.status, await response.json()]).toEqual([line, 200, expect.objectContaining({ object: expect.any(String) })]);
  }
});

const rowsOf = (first: string) =>
  page
    .slice(page.indexOf(`| ${first} |`))
    .split("\n\n", 1)[0]!
    .split("\n")
    .slice(2)
    .map((row) =>
      row
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

test("the table of errors has every code, with its status, and no other", () => {
  const told = rowsOf("status").flatMap(([status, codes = ""]) =>
    [...codes.matchAll(/`(\w+)`/g)].map(([, code = ""]) => [code, Number(status)] as const),
  );
  expect(told.length).toBeGreaterThan(30);
  expect(new Set(told.map(([code]) => code)).size).toBe(told.length);
  expect(Object.fromEntries(told)).toEqual({ ...STATUSES });
});

test("the table of settings has every one, with its default", () => {
  const told = Object.fromEntries(
    rowsOf("setting").map(([name = "", value = ""]) => [name.replaceAll("`", ""), value.replace("none", "")]),
  );
  expect(told).toEqual(Object.fromEntries(Object.entries(ApiConfig.properties).map(([name, { default: value }]) => [name, String(value)])));
});
