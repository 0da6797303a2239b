import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { serveHttp } from "@pincer/plugin-sdk/testing/http-server";
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

test("a server of an earlier version, which has no list of what is offered, is not taken for a host of files", async () => {
  await using registry = await startServedRegistry();
  await using earlier = serveHttp(async (exchange) => {
    const answer = exchange.path === "/api/v1/offers" ? new Response("", { status: 404 }) : await registry.get(exchange.path);
    exchange.begin(answer.status, {});
    await exchange.write(await answer.bytes());
    exchange.end();
  });
  const { out } = await registry.cli.pincer(["registry", "status", earlier.origin]);
  expect(out).toContain("server   takes publications");
}, 60_000);

test("a second server on the same port is refused, also over the same folder, and a folder that holds no registry is named", async () => {
  await using registry = await startServedRegistry();
  const serve = (folder: string, ...more: string[]) =>
    registry.cli.pincer(["registry", "serve", folder, "--key-folder", registry.keyFolder, ...more]);
  const { port } = new URL(registry.url);
  const other = join(registry.temporary("other"), "registry");
  await registry.cli.json(["registry", "init", other]);
  const taken = await registry.cli.pincer(["registry", "serve", other, "--port", port]);
  expect(taken.err).toContain(`127.0.0.1:${port}: another program listens there already`);
  expect(taken.code).toBe(1);
  const again = await serve(registry.folder, "--port", "0", "--json");
  expect([again.code, JSON.parse(again.out).error]).toEqual([
    1,
    { code: "REGISTRY_IN_USE", message: expect.stringContaining(`process ${registry.pid} has ${registry.folder}: `) },
  ]);
  // However the one before has ended.
  await registry.stop("SIGKILL");
  await registry.start();
  expect((await registry.get("/api/v1/")).status).toBe(200);
  const empty = registry.temporary("empty");
  expect(await serve(empty)).toMatchObject({ code: 2, err: expect.stringContaining(`${empty} holds no registry`) });
});

test("who publishes is told in the words of what was typed: a version, a publisher's name, a root that is not there", async () => {
  await using registry = await startServedRegistry();
  const skill = registry.temporary("tea");
  writeFileSync(join(skill, "SKILL.md"), "---\nname: tea\ndescription: Knows tea.\n---\n\n# Tea\n");
  const said = ["--registry", registry.url, "--key", registry.key("ada").file];
  const refused = async (...words: string[]) => {
    const { code, err } = await registry.cli.pincer(words);
    return `${code}: ${err.split("\n")[0]}`;
  };
  expect(await refused("skills", "publish", skill, ...said, "--publisher", "ada", "--version", "one")).toBe(
    '2: error expected a version as 1.2.0, came "one"',
  );
  expect(await refused("skills", "publish", skill, ...said, "--publisher", "Ada!", "--version", "1.0.0")).toMatch(
    /^2: error --publisher: expected a publisher's name: .* came "Ada!"$/,
  );
  const nowhere = join(skill, "root.json");
  expect(await refused("registry", "add", "home", registry.url, "--root", nowhere)).toBe(
    `1: error ${nowhere}: expected the root of a registry, as 1.root.json, and there is none`,
  );
});

test("a browser is answered with a page when there is nothing at an address, and a program with a problem", async () => {
  await using registry = await startServedRegistry();
  for (const path of ["/skills/te", "/nothing"]) {
    const page = await registry.get(path, { accept: "text/html,application/xhtml+xml,*/*;q=0.8" });
    expect([page.status, page.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
    expect(await page.text()).toMatch(/<h1>there is no (skill te here|\/nothing)<\/h1>/);
    expect((await registry.get(path)).headers.get("content-type")).toBe("application/problem+json");
  }
});
