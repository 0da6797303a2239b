import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";

const only = ["agent", "models", "routing", "provider-demo"];
const refused = (code: string) => ({ error: { details: { code } } });

test("deleting an agent with its files never deletes a folder that somebody chose for it", async () => {
  const chosen = await mkdtemp(join(tmpdir(), "pincer-workspace-"));
  await writeFile(join(chosen, "thesis.txt"), "years of work");
  await using gateway = await startTestGateway({ only });
  const client = await gateway.connect();
  await client.call("agents.create", { name: "writer", workspace: chosen });
  const all = client.call("agents.delete", { agentId: "writer", deleteFiles: true });
  await expect(all).rejects.toMatchObject(refused("ROUTER_WORKSPACE_FOREIGN"));
  expect(await client.call("agents.delete", { agentId: "writer" })).toMatchObject({ ok: true });
  expect(existsSync(join(chosen, "thesis.txt"))).toBe(true);
  await rm(chosen, { recursive: true });
});

test("the folder that the gateway made for an agent goes with it when that is asked for", async () => {
  await using gateway = await startTestGateway({ only });
  const client = await gateway.connect();
  const { workspace } = await client.call<{ workspace: string }>("agents.create", { name: "helper" });
  await mkdir(workspace, { recursive: true });
  await client.call("agents.delete", { agentId: "helper", deleteFiles: true });
  expect(existsSync(workspace)).toBe(false);
});

test("a workspace that cannot be made fails the turns that need it, in words, and nothing else", async () => {
  await using gateway = await startTestGateway({ only: [...only, "sessions"] });
  const client = await gateway.connect();
  const nul = client.call("agents.update", { agentId: "main", workspace: "\u0000" });
  await expect(nul).rejects.toMatchObject({ error: { code: "INVALID_REQUEST" } });
  await client.call("agents.update", { agentId: "main", workspace: join(gateway.home, "pincer.json5", "below") });
  expect(await client.call("sessions.list", {})).toMatchObject({ count: 0 });
  const idempotencyKey = "one";
  await client.call("chat.send", { sessionKey: "main", message: "hello", idempotencyKey });
  expect(await client.call("agent.wait", { runId: idempotencyKey, timeoutMs: 60_000 })).toMatchObject({ status: "error" });
  const { messages } = await client.call<{ messages: unknown }>("chat.history", { sessionKey: "main" });
  expect(JSON.stringify(messages)).toContain("cannot be made at");
  expect(gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
});

test("a pipe in the place of an agent's file is no file: nobody waits for what nobody writes, and a file may take its place", async () => {
  await using gateway = await startTestGateway({ only: ["routing"] });
  const client = await gateway.connect();
  const workspace = join(gateway.home, "workspace");
  await mkdir(workspace, { recursive: true });
  Bun.spawnSync(["mkfifo", join(workspace, "AGENTS.md")]);
  const asked = { agentId: "main", name: "AGENTS.md" };
  const gets = Array.from({ length: 40 }, () => client.call<{ file: object }>("agents.files.get", asked));
  for (const { file } of await Promise.all(gets)) expect(file).toMatchObject({ missing: true });
  const { files } = await client.call<{ files: object[] }>("agents.files.list", { agentId: "main" });
  expect(files[0]).toMatchObject({ name: "AGENTS.md", missing: true });
  expect(await client.call("agents.files.set", { ...asked, content: "Be kind." })).toMatchObject({ file: { content: "Be kind." } });
});
