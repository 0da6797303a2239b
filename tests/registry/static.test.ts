/** A registry without a server: made, filled, checked, mirrored and looked after from the command line, and served by any server of static files. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createRegistryClient } from "../../registry/client/client.ts";
import { createTrustState } from "../../registry/client/state.ts";
import { httpSource } from "../../registry/http-source.ts";
import { folderSource, type RegistrySource } from "../../registry/source.ts";
import { serveFolder } from "../../registry/testing/serve-folder.ts";
import { type CliHome, createCliHome } from "../support/cli.ts";

interface Place {
  readonly at: string;
  readonly registry: string;
  readonly ada: string;
  plugin(id: string, version: string): string;
}

async function begin(cli: CliHome): Promise<Place> {
  const at = join(cli.path, "..");
  const registry = join(at, "registry");
  const ada = join(at, "ada.pem");
  await cli.json(["registry", "keygen", ada]);
  return {
    ...{ at, registry, ada },
    plugin(id, version) {
      const folder = join(at, "plugins", `${id}-${version}`);
      mkdirSync(folder, { recursive: true });
      const manifest = { id, version, sdk: "^0.1.0", summary: `What ${id} does.`, entry: "plugin.ts" };
      writeFileSync(join(folder, "plugin.json"), JSON.stringify(manifest));
      writeFileSync(join(folder, "plugin.ts"), "export default {};\n");
      return folder;
    },
  };
}

const clientOf = ({ at, registry }: Place, source: RegistrySource) =>
  createRegistryClient({
    source,
    state: createTrustState(join(at, `state-${crypto.randomUUID()}`)),
    root: readFileSync(join(registry, "metadata", "1.root.json")),
    now: () => Date.now(),
  });

test("a registry is made, published into, taken care of and mirrored from the command line, and a client of its static files sees that", async () => {
  await using cli = createCliHome();
  const place = await begin(cli);
  const { at, registry, ada } = place;
  const run = async (...words: string[]) => {
    const { code, out, err } = await cli.pincer(["registry", ...words]);
    return { code, said: out + err };
  };
  const done = async (...words: string[]) => {
    const outcome = await run(...words);
    expect(outcome).toMatchObject({ code: 0 });
    return outcome.said;
  };

  expect(await done("init", registry)).toContain(`pincer registry serve ${registry}`);
  const keys = `${registry}-keys`;
  expect(readdirSync(keys).sort()).toEqual(
    ["online", "revocations", "root-1", "root-2", "root-3", "targets-1", "targets-2"].flatMap((name) => [`${name}.pem`, `${name}.pub`]),
  );
  for (const name of readdirSync(keys).filter((one) => one.endsWith(".pem"))) expect(statSync(join(keys, name)).mode & 0o077).toBe(0);
  expect(await run("init", registry)).toMatchObject({ code: 1, said: expect.stringContaining("is not empty") });

  const publish = (id: string, version: string) => [
    ...["publish", place.plugin(id, version), "--registry", registry, "--publisher", "ada", "--key", ada],
  ];
  expect(await done(...publish("weather", "1.0.0"))).toContain("weather is ada's from now on");
  expect(await done(...publish("weather", "1.0.0"))).toContain("is there already, with these very bytes");
  await done(...publish("weather", "1.1.0"));
  await done(...publish("radio", "0.1.0"));
  // Not with somebody else's key.
  const eve = join(at, "eve.pem");
  await done("keygen", eve);
  const stolen = ["publish", place.plugin("weather", "6.6.6"), "--registry", registry, "--publisher", "ada", "--key", eve];
  expect(await run(...stolen)).toMatchObject({ code: 1, said: expect.stringContaining("this key has not signed") });

  // The keys of the founders are taken to where they belong.
  const [targets1, targets2] = ["targets-1", "targets-2"].map((name) => join(keys, `${name}.pem`)) as [string, string];
  expect(await done("verify", registry)).toContain("is in order: 3 releases");
  expect(await done("renew", registry)).toContain("● renewed timestamp");

  await using server = serveFolder(registry);
  const { url } = server;
  const client = clientOf(place, httpSource({ url, clock: systemClock, fetch }));
  const versions = async (id: string) => {
    await client.refresh();
    return (await client.find({ kind: "plugins", id })).releases.map(({ version, notes }) =>
      notes.yanked ? `${version} yanked` : version,
    );
  };
  expect(await versions("weather")).toEqual(["1.1.0", "1.0.0"]);
  expect((await client.unpack((await client.find({ kind: "plugins", id: "radio" })).releases[0]!)).map(({ path }) => path)).toEqual([
    "plugin.json",
    "plugin.ts",
  ]);

  const yank = ["yank", "weather@1.1.0", "--registry", registry, "--publisher", "ada", "--key", ada];
  expect(await done(...yank, "--reason", "it forgets the wind")).toBe("● weather 1.1.0 is yanked\n");
  expect(await done(...yank, "--reason", "it forgets the wind")).toBe("● weather 1.1.0 is already yanked\n");
  expect(await versions("weather")).toEqual(["1.1.0 yanked", "1.0.0"]);
  await done(...yank, "--undo");
  expect(await versions("weather")).toEqual(["1.1.0", "1.0.0"]);

  expect(await run("revoke", "weather@1.1.0", "--registry", registry)).toMatchObject({
    code: 2,
    said: expect.stringContaining("--reason is missing"),
  });
  const why = ["--reason", "it sends where you are to a stranger", "--last-good", "1.0.0"];
  expect(await done("revoke", "weather@1.1.0", "--registry", registry, ...why)).toContain("weather@1.1.0 is revoked");
  expect(await client.revocations()).toMatchObject([{ id: "weather", versions: ["1.1.0"], lastGood: "1.0.0" }]);
  expect(await versions("weather")).toEqual(["1.0.0"]);

  const mirror = join(at, "mirror");
  const root = join(registry, "metadata", "1.root.json");
  expect(await done("mirror", url, mirror, "--root", root)).toContain(`3 releases in ${mirror}`);
  expect(await done("verify", mirror, "--root", root)).toContain("is in order: 3 releases");
  const some = join(at, "some");
  expect(await cli.json(["registry", "mirror", registry, some, "--package", "radio"])).toMatchObject({ ok: true, releases: 1 });
  expect((await clientOf(place, folderSource(some)).find({ kind: "plugins", id: "radio" })).releases).toHaveLength(1);

  expect(await done("revoke", "weather@1.1.0", "--registry", registry, "--undo")).toContain("is revoked no more");
  expect(await versions("weather")).toEqual(["1.1.0", "1.0.0"]);

  // The old publisher offers it, and the new one takes it.
  const there = ["--registry", registry];
  const asEve = [...there, "--publisher", "eve", "--key", eve];
  expect(await run("transfer", "accept", "weather", ...asEve)).toMatchObject({
    code: 1,
    said: expect.stringContaining("not offered to eve"),
  });
  const toEve = ["transfer", "offer", "weather", ...there, "--to", "eve", "--new-key", eve];
  expect(await run(...toEve, "--key", eve)).toMatchObject({
    code: 1,
    said: expect.stringContaining("signed neither by ada nor by the registry's founders"),
  });
  expect(await done(...toEve, "--key", ada)).toContain("weather is offered to eve");
  expect(await done("transfer", "accept", "weather", ...asEve)).toContain("eve's from now on, with 2 releases");
  await client.refresh();
  expect((await client.find({ kind: "plugins", id: "weather" })).publisher.name).toBe("eve");
  // The founders, one after the other, where the old publisher is gone.
  const wish = join(at, "wish.json");
  expect(await done("transfer", "offer", "radio", ...there, "--to", "eve", "--key", targets1, "--write", wish)).toContain("registry sign");
  expect(await run("transfer", "offer", "radio", ...there, "--statement", wish)).toMatchObject({ code: 1 });
  expect(await done("sign", wish, "--key", targets2)).toContain("radio goes from ada to eve");
  await done("transfer", "offer", "radio", ...there, "--statement", wish);
  expect(await done("transfer", "accept", "radio", ...asEve)).toContain("radio is eve's from now on");
  expect(await done("verify", url)).toContain("is in order: 3 releases");

  const archive = readdirSync(registry, { recursive: true, encoding: "utf8" }).find((path) => path.endsWith("0.1.0.tgz"))!;
  writeFileSync(join(registry, archive), "spoilt");
  expect(await run("verify", registry)).toMatchObject({ code: 1, said: expect.stringMatching(/0\.1\.0\.tgz\n.*REGISTRY_FILE_WRONG/) });
  expect(await cli.pincer(["registry", "mirror", registry, join(at, "third"), "--json"])).toMatchObject({ code: 1 });
  rmSync(join(keys, "online.pem"));
  expect(await run("renew", registry)).toMatchObject({ code: 1, said: expect.stringContaining("--key-folder") });
  expect(existsSync(join(keys, "online.pem"))).toBe(false);
});
