import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { buildGateway, wokenByTurns } from "./gateway-bundle.ts";

const repository = join(import.meta.dir, "..");
const root = mkdtempSync(join(tmpdir(), "pincer-gateway-bundle-"));
const whole = join(root, ".build", "whole");
const bytecode = ["command.js.jsc", "start.js.jsc", "writer.js.jsc"];
const code = ["main.js", "command.js", "gateway.js", "start.js", "delivery.js", "writer.js", "plugins.json"];

beforeAll(async () => {
  symlinkSync(join(repository, "plugins"), join(root, "plugins"));
  await buildGateway({ repository, out: whole, plugins: [join(repository, "plugins", "delivery")] });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A gateway that has nothing of the bundle but these files, until it is ready; answers with what it said that was no mere news. */
async function start(name: string, files: readonly string[], others: Readonly<Record<string, Uint8Array>> = {}): Promise<unknown[]> {
  const bundle = join(root, ".build", name);
  mkdirSync(bundle);
  for (const file of files) cpSync(join(whole, file), join(bundle, file));
  for (const [file, bytes] of Object.entries(others)) writeFileSync(join(bundle, file), bytes);
  const home = join(root, `home of ${name}`);
  const command = [process.execPath, "--no-env-file", "--config=/dev/null", join(bundle, "main.js"), "gateway", "--json", "--home", home];
  const env = { PATH: process.env["PATH"], PINCER_PORT: "0" };
  await using gateway = Bun.spawn(command, { env, stdout: "pipe", stderr: "pipe" });
  const said: unknown[] = [];
  let rest = "";
  let isReady = false;
  for await (const chunk of gateway.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines.map((text) => JSON.parse(text) as Readonly<Record<string, unknown>>)) {
      if (line["event"] === "gateway.ready") gateway.kill("SIGTERM");
      isReady ||= line["event"] === "gateway.ready";
      if (!isReady && line["level"] !== "info" && line["level"] !== "debug") said.push(line);
    }
  }
  expect({ isReady, code: await gateway.exited, err: await new Response(gateway.stderr).text() }).toEqual({
    isReady: true,
    code: 0,
    err: "",
  });
  return said;
}

test("a start needs ten files of its bundle, and no more however many plugins there are", async () => {
  expect(await start("few", [...code, ...bytecode])).toEqual([]);
});

test("where its bytecode is not, or is another Bun's, it starts from its code", async () => {
  expect(await start("none", code)).toEqual([]);
  // The first four bytes say whose it is.
  const another = bytecode.map((file) => [file, Buffer.from(readFileSync(join(whole, file))).fill(1, 0, 4)] as const);
  expect(await start("another", code, Object.fromEntries(another))).toEqual([]);
});

test("what the first turn wakes of the default set, but for the model's, is put together", async () => {
  await using gateway = await startTestGateway();
  const client = await gateway.connect();
  const active = async () => {
    const { plugins } = await client.call<{ plugins: { id: string; state: string }[] }>("plugins.status", {});
    return plugins.flatMap(({ id, state }) => (state === "active" ? [id] : []));
  };
  const before = await active();
  const ended = client.event("chat", ({ state }) => state === "final");
  await client.call("chat.send", { sessionKey: "main", message: "hello", idempotencyKey: "one" });
  await ended;
  let woken: readonly string[];
  // Some hear of the turn's end behind it.
  do woken = (await active()).filter((id) => !before.includes(id) && !id.startsWith("provider-"));
  while (woken.length < wokenByTurns.length);
  expect(woken.toSorted()).toEqual([...wokenByTurns]);
});
