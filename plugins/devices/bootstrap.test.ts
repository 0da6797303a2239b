import { Database } from "bun:sqlite";
import { afterEach, expect, test } from "bun:test";
import { admitted, clients, codeOf, elsewhere, ownPage, secretOf, TestDevice, useHomes } from "../../tests/support/access-home.ts";

const { open, restart } = useHomes(afterEach);

test("whoever reads the database alone finds no token in it", async () => {
  const home = await open();
  const device = new TestDevice();
  const { deviceToken = "" } = await admitted(device.connect(home, secretOf(home)));
  const bootstrapToken = await home.invite();
  await home.stop();
  const database = new Database(home.databasePath);
  database.exec("pragma wal_checkpoint(truncate)");
  database.close();
  const bytes = await Bun.file(home.databasePath).text();
  expect(bytes).toContain(device.id);
  for (const secret of [deviceToken.split(".")[1] as string, bootstrapToken, home.keys.token]) expect(bytes).not.toContain(secret);
});

test("a login link works once, within its time, for its role, and brings its scopes", async () => {
  const home = await open();
  const issue = () => home.invite();
  const page = { client: clients.page, scopes: ["operator.read", "operator.admin"] };
  const first = await issue();
  const device = new TestDevice();
  const asNode = { client: clients.node, role: "node", auth: { bootstrapToken: first } };
  expect(await codeOf(device.connect(home, asNode))).toBe("AUTH_BOOTSTRAP_TOKEN_INVALID");
  const hello = await admitted(device.connect(home, { ...page, auth: { bootstrapToken: first } }, ownPage));
  expect(hello).toMatchObject({ method: "bootstrap-token", scopes: ["operator.read", "operator.admin"] });
  expect(await codeOf(new TestDevice().connect(home, { ...page, auth: { bootstrapToken: first } }, ownPage))).toBe(
    "AUTH_BOOTSTRAP_TOKEN_INVALID",
  );
  const back = { ...page, scopes: ["operator.write"], auth: { deviceToken: hello.deviceToken } };
  expect(await codeOf(device.connect(home, back, ownPage))).toBe("admitted");

  const late = await issue();
  home.clock.jump(600_000);
  expect(await codeOf(device.connect(home, { auth: { bootstrapToken: late } }))).toBe("AUTH_BOOTSTRAP_TOKEN_INVALID");
  const raced = await issue();
  const codes = await Promise.all(
    Array.from({ length: 5 }, () => codeOf(new TestDevice().connect(home, { auth: { bootstrapToken: raced } }))),
  );
  expect(codes.filter((code) => code === "admitted").length).toBe(1);
});

test("a setup code pairs a device from elsewhere without anybody's approval", async () => {
  const home = await open({ publicUrl: "wss://gateway.example" });
  const code = await home.call<{ setupCode: string; expiresAtMs: number }>("device.pair.setupCode", {
    bootstrapProfile: "node",
    includeQr: true,
  });
  expect(code).toMatchObject({ gatewayUrl: "wss://gateway.example", auth: "token", urlSource: "configuration", access: "node" });
  expect(code.expiresAtMs).toBe(home.clock.now() + 600_000);
  const { url, bootstrapToken } = JSON.parse(Buffer.from(code.setupCode, "base64url").toString());
  expect(url).toBe("wss://gateway.example");
  const node = new TestDevice();
  expect(await admitted(node.connect(home, { client: clients.node, role: "node", auth: { bootstrapToken } }, elsewhere))).toMatchObject({
    role: "node",
  });
  const limited = await home.call<{ setupCode: string }>("device.pair.setupCode", { bootstrapProfile: "limited" });
  const page = { client: clients.page, scopes: ["operator.write", "operator.admin"] };
  const { bootstrapToken: less } = JSON.parse(Buffer.from(limited.setupCode, "base64url").toString());
  const narrow = await admitted(new TestDevice().connect(home, { ...page, auth: { bootstrapToken: less } }, ownPage));
  expect(narrow.scopes).toEqual(["operator.write"]);
  expect(await home.call("device.pair.setupCode", { publicUrl: "ws://box:1" })).toMatchObject({ urlSource: "params", access: "full" });
});

test("the gateway tells its own identity", async () => {
  const home = await open();
  const identity = await home.call("gateway.identity.get", {}, { scopes: ["operator.read"] });
  expect(identity).toEqual({ deviceId: expect.stringMatching(/^[0-9a-f]{64}$/), publicKey: expect.any(String) });
  expect(await (await restart(home)).call("gateway.identity.get")).toEqual(identity);
});
