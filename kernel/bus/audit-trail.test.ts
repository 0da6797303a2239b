import { expect, test } from "bun:test";
import { createDeviceKey } from "@pincer/plugin-sdk/testing/client";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";

test("calls that need more than to read and write are in the audit log, with who, what and how it ended, and without what they carried", async () => {
  await using gateway = await startTestGateway();
  const admin = await gateway.connect();
  const reader = await gateway.connect({ scopes: ["operator.read"] });
  await admin.call("secrets.store.set", { name: "KEY", kind: "secret", value: "sk-very-secret" });
  await expect(reader.call("secrets.store.delete", { name: "KEY" })).rejects.toMatchObject({ error: { code: "FORBIDDEN" } });
  await reader.call("sessions.list", {});
  const { audit } = gateway.gateway.access;
  // Entries are written in turn: once this one is there, so are those before it.
  await audit.append({ principal: "test", action: "test.end", resources: [], outcome: "ok" });
  const rows = await audit.page({ limit: 50 });
  expect(rows.find(({ action, outcome }) => action === "secrets.store.set" && outcome === "ok")).toMatchObject({
    principal: "shared",
    resources: ["name=KEY"],
  });
  expect(rows.find(({ action }) => action === "secrets.store.delete")).toMatchObject({ outcome: "refused" });
  expect(rows.some(({ action }) => action === "sessions.list")).toBe(false);
  expect(JSON.stringify(rows)).not.toContain("sk-very-secret");
  expect(await audit.verify()).toMatchObject({ ok: true });
});

test("a call whose parameters say what it needs is in the audit log when it needs more than to write, or was refused before that was known", async () => {
  await using gateway = await startTestGateway();
  const admin = await gateway.connect();
  const writer = await gateway.connect({ scopes: ["operator.read", "operator.write"] });
  const reader = await gateway.connect({ scopes: ["operator.read"] });
  await admin.call("sessions.delete", { key: "agent:main:one" });
  await expect(writer.call("sessions.delete", { key: "agent:main:two" })).rejects.toMatchObject({ error: { code: "FORBIDDEN" } });
  await expect(reader.call("sessions.delete", { key: "agent:main:three" })).rejects.toMatchObject({ error: { code: "FORBIDDEN" } });
  await writer.call("sessions.delete", { key: "agent:main:four", archivedOnly: true });
  await writer.call("sessions.patch", { key: "agent:main:five", label: "Five" });
  const { audit } = gateway.gateway.access;
  await audit.append({ principal: "test", action: "test.end", resources: [], outcome: "ok" });
  const rows = await audit.page({ limit: 50 });
  expect(
    rows.flatMap(({ action, resources, outcome }) => (action.startsWith("sessions.") ? [`${action} ${resources} ${outcome}`] : [])).sort(),
  ).toEqual([
    "sessions.delete key=agent:main:one ok",
    "sessions.delete key=agent:main:three refused",
    "sessions.delete key=agent:main:two refused",
  ]);
});

test("a shared secret that changes closes what it let in (4001)", async () => {
  await using gateway = await startTestGateway();
  const admin = await gateway.connect();
  const { hash } = await admin.call<{ hash: string }>("config.get", {});
  await admin.call("config.patch", { raw: JSON.stringify({ gateway: { auth: { token: "another-token" } } }), baseHash: hash });
  expect(await admin.closed).toMatchObject({ code: 4001 });
  await expect(gateway.connect()).rejects.toMatchObject({ error: { details: { code: "AUTH_TOKEN_MISMATCH" } } });
  await gateway.connect({ token: "another-token" });
});

test("a device that may only read cannot wash out of the audit log what others did", async () => {
  await using gateway = await startTestGateway({ config: { gateway: { auditRows: 50, refusalsKept: 2 } } });
  const admin = await gateway.connect();
  const device = createDeviceKey();
  const reader = await gateway.connect({ scopes: ["operator.read"], device });
  await admin.call("secrets.store.set", { name: "KEY", kind: "secret", value: "x" });
  const refused = Array.from({ length: 100 }, (_, n) =>
    reader.call("secrets.grant", { name: `N${n}`, plugin: "x" }).catch(() => "refused"),
  );
  expect(new Set(await Promise.all(refused))).toEqual(new Set(["refused"]));
  await gateway.stop();
  await using again = await startTestGateway({ home: gateway.home });
  const rows = (await again.gateway.access.audit.page({ limit: 200 })).filter(({ action }) => /^(secrets|access)\./.test(action));
  expect(rows.map(({ principal, action, resources, outcome }) => [principal, action, ...resources, outcome]).reverse()).toEqual([
    ["shared", "secrets.store.set", "name=KEY", "ok"],
    [device.id, "secrets.grant", "name=N0", "plugin=x", "refused"],
    [device.id, "secrets.grant", "name=N1", "plugin=x", "refused"],
    [device.id, "access.refusals", "98 more", "refused"],
  ]);
});
