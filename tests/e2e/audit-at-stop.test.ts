import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";

test("what an administrator did right before the gateway stopped is in the audit log", async () => {
  const home = await mkdtemp(join(tmpdir(), "pincer-audit-"));
  const only = ["routing", "sessions", "models", "provider-demo"];
  const names = Array.from({ length: 40 }, (_, number) => `agent:main:gone-${number}`);
  {
    // On a slow disk the entries are still on their way when the calls have been answered.
    await using gateway = await startTestGateway({ home, only, commitDelayMs: 100 });
    const client = await gateway.connect();
    await Promise.all(names.map((key) => client.call("sessions.delete", { key })));
    await gateway.stop();
    expect(gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
  }
  await using again = await startTestGateway({ home, only });
  const rows = (await again.gateway.access.audit.page()).filter(({ action }) => action === "sessions.delete");
  expect(rows.map(({ resources }) => resources[0]).sort()).toEqual(names.map((key) => `key=${key}`).sort());
  expect(await again.gateway.access.audit.verify()).toMatchObject({ ok: true });
  await rm(home, { recursive: true });
});
