import { expect, test } from "bun:test";
import { startServedRegistry } from "./served-registry.ts";

test("what is published over HTTP is found by a client that trusts only the root, and comes as it was published", async () => {
  await using registry = await startServedRegistry();
  const ada = registry.key("ada");
  const folder = registry.plugin("weather", "1.0.0");
  expect(await registry.publish(folder, "ada", ada.file)).toMatchObject({ ok: true, isNew: true });
  const client = registry.client();
  const { publisher, releases } = await client.find({ kind: "plugins", id: "weather" });
  expect(publisher).toEqual({ name: "ada", keys: [ada.signer.json.keyval.public], threshold: 1 });
  expect((await client.unpack(releases[0]!)).map(({ path }) => path)).toEqual(["plugin.json", "plugin.ts"]);
  expect(await registry.publish(folder, "ada", ada.file)).toMatchObject({ ok: true, isNew: false });
  expect(await (await registry.get("/api/v1/packages/plugins/weather")).json()).toMatchObject({ version: "1.0.0", downloads: 1 });
  expect(await registry.stop()).toBe(0);
});
