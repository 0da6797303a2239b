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

test("a second server on the same port is refused, and a folder that holds no registry is named", async () => {
  await using registry = await startServedRegistry();
  const serve = (folder: string, ...more: string[]) => registry.cli.run(["registry", "serve", folder, "--key-folder", registry.keyFolder, ...more]);
  const { port } = new URL(registry.url);
  const taken = await serve(registry.folder, "--port", port);
  expect(taken).toMatchObject({ code: 1, err: expect.stringContaining(`127.0.0.1:${port} cannot be listened on`) });
  expect(taken.err).toContain("--port");
  const empty = registry.temporary("empty");
  expect(await serve(empty)).toMatchObject({ code: 2, err: expect.stringContaining(`${empty} holds no registry`) });
});
