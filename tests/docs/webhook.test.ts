/** Runs the examples of the page about webhooks as they stand. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { says } from "@pincer/plugin-sdk/testing/script";
import { settingsOf, WebhookConfig } from "../../plugins/channel-webhook/config.ts";
import { Event } from "../../plugins/channel-webhook/event.ts";

const root = dirname(dirname(import.meta.dir));
const plugin = join(root, "plugins", "channel-webhook");
const page = readFileSync(join(root, "docs", "channels", "webhook.md"), "utf8");
const example = (title: string): string => new RegExp(`^\`\`\`${title}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(page)![1]!;
const secret = "a-secret-that-both-sides-have";

const folder = mkdtempSync(join(tmpdir(), "pincer-webhook-page-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function ask(url: string): Promise<Record<string, unknown>> {
  const env = { ...process.env, PINCER_URL: url, WEBHOOK_SECRET: secret };
  const child = Bun.spawn(["sh", "-ec", example("sh curl")], { env, stdout: "pipe", stderr: "inherit" });
  return (await new Response(child.stdout).json()) as Record<string, unknown>;
}

test("the call in the shell is answered", async () => {
  await using kit = await startPlugin(plugin, { config: { allowFrom: ["ada"] }, secrets: { WEBHOOK_SECRET: secret } });
  kit.model.otherwise(says("Time to go."));
  expect(await ask(kit.url)).toEqual({ status: "answered", runId: expect.any(String), text: "Time to go." });
});

test("the receiver takes what is posted to it, once, and nothing that is not signed", async () => {
  const file = join(folder, "receiver.ts");
  writeFileSync(file, example("ts receiver.ts"));
  const receiver = Bun.spawn([process.execPath, file], {
    env: { ...process.env, PORT: "0", WEBHOOK_SECRET: secret },
    stdout: "pipe",
    stderr: "inherit",
  });
  using _ended = { [Symbol.dispose]: () => receiver.kill() };
  const lines = receiver.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  const [, port] = /listening on (\d+)/.exec((await lines.next()).value!)!;
  const url = `http://127.0.0.1:${port}/`;
  expect((await fetch(url, { method: "POST", body: "{}" })).status).toBe(401);

  await using kit = await startPlugin(plugin, { config: { allowFrom: ["ada"], url, private: true }, secrets: { WEBHOOK_SECRET: secret } });
  kit.model.otherwise(says("Time to go."));
  await kit.call("send", { channel: "webhook", to: "ada", message: "Here I am.", idempotencyKey: "one" });
  expect((await lines.next()).value).toBe("to ada: Here I am.\n");
});

const fieldsOf = (heading: string): readonly string[] => {
  const section = page.slice(page.indexOf(`## ${heading}`)).split("\n## ", 1)[0]!;
  return section
    .split("\n")
    .flatMap((line) => (/^\| `/.test(line) ? [...line.split("|")[1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name!) : []));
};

test("the page has every field of an event, every setting and every code", () => {
  expect([...fieldsOf("What an event has")].sort()).toEqual(Object.keys(Event.properties).sort());
  const settings = Object.keys(WebhookConfig.properties).filter((name) => !["enabled", "accounts", "reactions"].includes(name));
  expect([...fieldsOf("Settings")].sort()).toEqual(settings.sort());
  const codes = readFileSync(join(plugin, "receiver.ts"), "utf8").matchAll(/^ {2}(WEBHOOK_\w+): (\d+),$/gm);
  const told = [...page.matchAll(/^\| `(WEBHOOK_\w+)` \| (\d+) \|/gm)];
  const pairs = (matches: Iterable<RegExpMatchArray>) => [...matches].map(([, code, status]) => `${code} ${status}`).sort();
  expect(pairs(told)).toEqual(pairs(codes));
  expect(settingsOf({}, "default")).toMatchObject({ mediaBytes: 20 * 1024 * 1024, requestTimeoutMs: 30_000 });
});
