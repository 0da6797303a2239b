import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { createCliHome } from "../support/cli.ts";

test("health and status say that secrets cannot be read, to everybody and without their names, until they are set again", async () => {
  const home = await mkdtemp(join(tmpdir(), "pincer-lost-key-"));
  const only = ["secrets", "diagnostics"];
  const secret = { name: "OLD_KEY", value: "sk-1", kind: "secret" };
  {
    await using gateway = await startTestGateway({ home, only });
    const client = await gateway.connect();
    await client.call("secrets.store.set", secret);
    expect(await client.call("health")).toMatchObject({ ok: true });
    expect(await client.call("health")).not.toHaveProperty("problems");
  }
  await rm(join(home, "key"));
  {
    await using gateway = await startTestGateway({ home, only });
    const client = await gateway.connect();
    const nobody = await gateway.connect({ scopes: [] });
    const health = await nobody.call<{ ok: boolean; problems: string[] }>("health");
    expect(health.ok).toBe(false);
    expect(health.problems).toEqual([expect.stringMatching(/^1 secret cannot be read: .*\/key; restore that file from a backup, or set/)]);
    expect(JSON.stringify(health)).not.toContain("OLD_KEY");
    expect(await client.call("status")).toMatchObject({ problems: health.problems });
    expect(gateway.lines).toContainEqual(expect.objectContaining({ event: "secrets.key-lost", names: ["OLD_KEY"] }));
    await client.call("secrets.store.set", secret);
    expect(await client.call("health")).toMatchObject({ ok: true });
  }
  await rm(home, { recursive: true });
});

test("pincer status and pincer doctor say it, and what to do", async () => {
  await using home = createCliHome();
  await home.pincer(["up"]);
  await home.pincer(["call", "secrets.store.set", JSON.stringify({ name: "OLD_KEY", value: "sk-1", kind: "secret" })]);
  await home.pincer(["stop"]);
  await rm(join(home.path, "key"));
  await home.pincer(["up"]);
  const problems = [expect.stringContaining("1 secret cannot be read")];
  expect(await home.json(["status"])).toMatchObject({ healthy: false, problems });
  expect((await home.pincer(["status"])).out).toContain("restore that file from a backup, or set them again");
  const doctor = await home.pincer(["doctor"]);
  expect(doctor.code).toBe(1);
  expect(doctor.out).toContain("1 secret cannot be read");
  const named = await home.pincer(["logs", "--level", "error"]);
  expect(named.out).toContain("OLD_KEY");
}, 120_000);
