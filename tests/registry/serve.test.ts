import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createCliHome } from "../support/cli.ts";
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

test("a registry that others reach, and that is not told what it is called, says what will not work and what to type", async () => {
  await using cli = createCliHome();
  const folder = join(cli.path, "..", "registry");
  await cli.json(["registry", "init", folder]);
  const told = async (...more: string[]) => {
    const server = Bun.spawn([...cli.command, "registry", "serve", folder, "--port", "0", ...more], {
      env: cli.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    let isTold = false;
    for await (const part of server.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (!isTold && (text.includes("Ctrl-C") || text.includes("}\n"))) {
        isTold = true;
        server.kill("SIGTERM");
      }
    }
    expect(await server.exited).toBe(0);
    return text;
  };
  const warning = "nobody can publish here with a key";
  const open = await told("--host", "0.0.0.0");
  expect(open).toContain(warning);
  expect(open).toContain(join(folder, "server.json"));
  expect(open).toContain(`pincer registry token create ${folder} <publisher> --scope publish`);
  expect(await told("--host", "0.0.0.0", "--json")).toContain(warning);
  expect(await told()).not.toContain(warning);
  writeFileSync(join(folder, "server.json"), JSON.stringify({ address: "https://registry.example.org" }));
  expect(await told("--host", "0.0.0.0")).not.toContain(warning);
}, 120_000);
