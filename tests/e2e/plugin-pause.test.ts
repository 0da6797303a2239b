/** What a client is told of a plugin whose process ends again and again. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { pluginsFolder, writePlugin } from "../fixtures/plugin-host.ts";

const source = `
import { definePlugin } from "@pincer/plugin-sdk";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const method = (name) => defineMethod({ name, summary: "x", scope: "operator.read", params: Type.Object({}), result: Type.Object({}) });
export default definePlugin({ setup(ctx) {
  ctx.method(method("mortal.dies"), () => process.exit(1));
  ctx.method(method("mortal.fails"), () => { throw new Error("inside"); });
} });`;

test("after a second end the error says when to come again; of a fault it says where the reason stands", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pincer-pause-"));
  await writePlugin(pluginsFolder(folder), "mortal", source);
  await using running = await startTestGateway({
    plugins: [join(folder, "plugins")],
    only: ["mortal"],
    config: { plugins: { mortal: { isolation: "process" } }, gateway: { plugins: { retryFirstMs: 50_000 } } },
  });
  const client = await running.connect();
  const failure = (method: string) =>
    client.call(method, {}).then(
      () => undefined,
      ({ error }) => error,
    );
  const told = await failure("mortal.fails");
  const { correlationId } = told.details;
  expect(told).toMatchObject({ code: "UNAVAILABLE", details: { code: "PLUGIN_FAULT", plugin: "mortal", what: "mortal.fails" } });
  expect(told.message).toBe(`mortal failed in mortal.fails: the gateway's log says why under ${correlationId}: pincer logs`);
  expect(await running.logged("plugin.fault")).toMatchObject({ plugin: "mortal", correlationId, error: expect.stringContaining("inside") });

  for (const _ of [1, 2]) {
    expect(await failure("mortal.dies")).toMatchObject({ code: "UNAVAILABLE", retryable: true, details: { code: "PLUGIN_GONE" } });
    while (running.gateway.host.inspect("mortal").pid !== undefined) await new Promise((next) => setImmediate(next));
  }
  const { retryAfterMs, ...early } = await failure("mortal.fails");
  expect(early).toMatchObject({ code: "UNAVAILABLE", retryable: true, details: { code: "PLUGIN_GONE" } });
  expect(retryAfterMs).toBeInteger();
  expect(retryAfterMs).toBeWithin(1, 50_001);
  rmSync(folder, { recursive: true });
}, 120_000);
