/** A registry over its years, as those who run it and who publish in it type it: against its server and in its folder, with the same words. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RegistryClient } from "../../registry/client/client.ts";
import { openSigner } from "../../registry/trust/key.ts";
import { parseMetadata } from "../../registry/trust/metadata.ts";
import { startKeptRegistry } from "./kept-registry.ts";

const weather = { kind: "plugins", id: "weather" } as const;
const versionsOf = async (client: RegistryClient) => {
  await client.refresh();
  return (await client.find(weather)).releases.map(({ version, notes }) =>
    [version, ...(notes.tags ?? []), ...(notes.yanked ? ["yanked"] : [])].join(" "),
  );
};

for (const where of ["server", "folder"] as const) {
  test(`a publisher's years, against a ${where}: tags, a release taken back, other keys, more life, a name for somebody else`, async () => {
    await using kept = await startKeptRegistry(where);
    const { done, run, place, client } = kept;
    const [ada, second, eve] = [kept.key("ada"), kept.key("ada-2"), kept.key("eve")];
    const as = (publisher: string, key: string) => ["--registry", place, "--publisher", publisher, "--key", key];
    for (const version of ["1.0.0", "1.1.0"]) await done("publish", kept.plugin("weather", version), "--tag", "latest", ...as("ada", ada));
    expect(await versionsOf(client)).toEqual(["1.1.0 latest", "1.0.0"]);

    expect(await done("tag", "weather@1.0.0", "latest", ...as("ada", ada))).toBe("● latest points at weather 1.0.0\n");
    expect(await done("tag", "weather@1.0.0", "latest", ...as("ada", ada))).toBe("● latest points at weather 1.0.0 already\n");
    expect(await versionsOf(client)).toEqual(["1.1.0", "1.0.0 latest"]);
    expect(await run("tag", "weather@1.0.0", "Latest!", ...as("ada", ada))).toMatchObject({
      code: 2,
      said: expect.stringContaining('came "Latest!"'),
    });
    await done("tag", "weather@1.0.0", "latest", "--undo", ...as("ada", ada));
    await done("yank", "weather@1.1.0", "--reason", "it forgets the wind", ...as("ada", ada));
    expect(await versionsOf(client)).toEqual(["1.1.0 yanked", "1.0.0"]);
    await done("yank", "weather@1.1.0", "--undo", ...as("ada", ada));

    const before = parseMetadata(
      "targets",
      "publisher-ada",
      readFileSync(join(kept.folder, "metadata", "6.publisher-ada.json")) as Uint8Array,
    );
    expect(await done("renew", place, "--publisher", "ada", "--key", ada)).toMatch(/^● the releases of ada count until \d{4}-/);
    const after = parseMetadata(
      "targets",
      "publisher-ada",
      readFileSync(join(kept.folder, "metadata", "7.publisher-ada.json")) as Uint8Array,
    );
    expect(after.signed.targets).toEqual(before.signed.targets);

    // Not by whoever has the new key alone, nor by another's.
    const to = ["--new-key", second];
    expect(await run("rekey", "--registry", place, "--publisher", "ada", ...to)).toMatchObject({
      code: 2,
      said: expect.stringContaining("--key is missing"),
    });
    expect(await run("rekey", ...as("ada", eve), ...to)).toMatchObject({
      code: 1,
      said: expect.stringContaining("signed"),
    });
    expect(await done("rekey", ...as("ada", ada), ...to)).toContain("● ada signs with ");
    expect(await done("rekey", ...as("ada", second), ...to)).toContain("● ada signs already with ");
    await client.refresh();
    expect((await client.find(weather)).publisher.keys).toEqual([hexOf(second)]);
    expect(await run("publish", kept.plugin("weather", "1.2.0"), ...as("ada", ada))).toMatchObject({ code: 1 });
    await done("publish", kept.plugin("weather", "1.2.0"), ...as("ada", second));

    // The second is stolen: revoked, and the founders give a third, each on a machine of their own.
    const third = kept.key("ada-3");
    const wish = join(kept.home, "wish.json");
    await done(
      "revoke",
      `key:${hexOf(second)}`,
      "--reason",
      "the laptop was stolen",
      "--registry",
      place,
      "--key",
      kept.founder("revocations"),
    );
    await client.refresh();
    await expect(client.find(weather)).rejects.toMatchObject({ code: "REGISTRY_REVOKED" });
    const lost = ["rekey", "--registry", place, "--publisher", "ada"];
    expect(await done(...lost, "--new-key", hexOf(third), "--write", wish)).toContain(`pincer registry sign ${wish} --key <file>`);
    await done("sign", wish, "--key", kept.founder("targets-1"));
    const took = [...lost, "--new-key", third, "--statement", wish];
    expect(await run(...took)).toMatchObject({ code: 1, said: expect.stringContaining("signed") });
    expect(await done("sign", wish, "--key", kept.founder("targets-2"))).toContain("signed       by 2");
    expect(await done(...took)).toContain("● ada signs with ");
    await client.refresh();
    expect((await client.find(weather)).publisher.keys).toEqual([hexOf(third)]);

    // The last of ada's names goes to eve, and ada publishes something else after all.
    const offered = ["transfer", "offer", "weather", "--registry", place, "--to", "eve", "--key", third];
    expect(await run(...offered)).toMatchObject({ code: 2, said: expect.stringContaining("--new-key is missing: the key of eve") });
    expect(await done(...offered, "--new-key", hexOf(eve))).toContain("next  pincer registry transfer accept weather");
    // Whoever comes first calls himself eve, and is not.
    expect(await run("transfer", "accept", "weather", ...as("eve", kept.key("mallory")))).toMatchObject({
      code: 1,
      said: expect.stringMatching(/came with others|kept for who signs with other keys/),
    });
    expect((await run("status", kept.folder)).said).toContain("weather is offered to eve");
    expect(await run("transfer", "accept", "weather", ...as("bob", ada))).toMatchObject({
      code: 1,
      said: expect.stringContaining("is not offered to bob"),
    });
    expect(await done("transfer", "accept", "weather", ...as("eve", eve))).toContain("weather is eve's from now on, with 3 releases");
    expect(await run("transfer", "accept", "weather", ...as("eve", eve))).toMatchObject({
      code: 1,
      said: expect.stringContaining("not offered to eve"),
    });
    await done("publish", kept.plugin("radio", "1.0.0"), ...as("ada", third));
    await client.refresh();
    expect((await client.find(weather)).publisher.name).toBe("eve");
    expect((await client.find({ ...weather, id: "radio" })).publisher).toMatchObject({ name: "ada", keys: [hexOf(third)] });
    expect(await done("verify", place)).toContain("is in order: 4 releases");
  }, 600_000);
}

const hexOf = (file: string): string => openSigner(readFileSync(file, "utf8")).json.keyval.public;

test("the founders change keys and thresholds on machines of their own, one signature at a time, and a client of the first root follows", async () => {
  await using kept = await startKeptRegistry("server");
  const { done, run, place, client, founder, cli } = kept;
  await done("publish", kept.plugin("weather", "1.0.0"), "--registry", place, "--publisher", "ada", "--key", kept.key("ada"));
  await client.find(weather);
  const at = (name: string) => join(kept.home, name);

  // A root key is lost: another in its place, and two of three sign as before.
  const [fourth, other] = [kept.key("root-4"), kept.key("other")];
  const staged = at("root-2.json");
  const change = ["stage", place, "--remove", `root:${hexOf(founder("root-1")).slice(0, 16)}`, "--add", `root:${hexOf(fourth)}`];
  const shown = await done(...change, "--write", staged);
  expect(shown).toContain(`key          - root ${hexOf(founder("root-1")).slice(0, 16)}`);
  expect(shown).toContain(`key          + root ${hexOf(fourth).slice(0, 16)}`);
  expect(shown).toContain("signed       root, keys of before: 0 of 2; 2 of ");
  expect(await run(...change, "--write", staged)).toMatchObject({ code: 1, said: expect.stringContaining("is there already") });
  expect(await run("sign", staged, "--key", other)).toMatchObject({
    code: 2,
    said: expect.stringContaining("none of those that sign this"),
  });
  await done("sign", staged, "--key", founder("root-2"));
  expect(await run("apply", staged, "--registry", place)).toMatchObject({
    code: 1,
    said: expect.stringContaining("signed"),
  });
  expect(await done("sign", staged, "--key", founder("root-3"))).toContain(`next         pincer registry apply ${staged}`);
  expect(await done("apply", staged, "--registry", place)).toBe(`● root of ${place} counts from now on\n`);
  expect(await done("apply", staged, "--registry", place)).toBe(`● all of that counts already in ${place}\n`);

  // Another key of targets, which both are needed for until then, another who revokes, and three of the root from now on.
  const [targets3, revoker] = [kept.key("targets-3"), kept.key("revoker")];
  const more = at("more.json");
  await done(
    ...["stage", place, "--remove", `targets:${founder("targets-1")}`, "--add", `targets:${targets3}`, "--threshold", "root:3"],
    ...["--remove", `revocations:${founder("revocations")}`, "--add", `revocations:${revoker}`, "--write", more],
  );
  for (const key of [founder("root-2"), fourth, founder("targets-2"), targets3]) await done("sign", more, "--key", key);
  expect(await run("apply", more, "--registry", place)).toMatchObject({
    code: 1,
    said: expect.stringContaining("signed"),
  });
  await done("sign", more, "--key", founder("root-3"), "--key", revoker);
  expect(await done("apply", more, "--registry", place)).toContain("● root, targets, revocations of");
  const revoke = ["revoke", "weather@1.0.0", "--reason", "it lies", "--registry", place, "--key"];
  expect(await run(...revoke, founder("revocations"))).toMatchObject({
    code: 1,
    said: expect.stringContaining("signed"),
  });
  await done(...revoke, revoker);
  await client.refresh();
  await expect(client.find(weather)).rejects.toMatchObject({ code: "REGISTRY_REVOKED" });
  await done("revoke", "weather@1.0.0", "--undo", "--registry", place, "--key", revoker);
  await client.refresh();
  expect((await client.find(weather)).releases).toHaveLength(1);

  // The server's own key becomes another where its folder is, and nowhere else.
  const [online, server] = [kept.key("online-2"), at("server.json")];
  const keys = [founder("root-2"), founder("root-3"), fourth, founder("targets-2"), targets3].flatMap((key) => ["--key", key]);
  await done("stage", place, "--add", `online:${online}`, "--write", server, ...keys);
  expect(await run("apply", server, "--registry", place)).toMatchObject({
    code: 1,
    said: expect.stringContaining("that key does not sign what changes in the registry"),
  });
  expect(await run("apply", server, "--registry", kept.folder)).toMatchObject({
    code: 1,
    said: expect.stringContaining("that key does not sign what changes in the registry"),
  });
  expect(await done("apply", server, "--registry", kept.folder, "--online", online)).toContain("put");
  await client.refresh();
  expect((await client.find(weather)).releases).toHaveLength(1);
  const { roles } = await cli.json<{ roles: readonly { role: string; keys: readonly string[]; threshold: number; version: number }[] }>([
    ...["registry", "status", kept.folder],
  ]);
  const of = (role: string) => roles.find((one) => one.role === role);
  expect(of("root")).toMatchObject({ version: 4, threshold: 3, keys: expect.arrayContaining([hexOf(fourth)]) });
  expect(of("targets")?.keys.toSorted()).toEqual([hexOf(founder("targets-2")), hexOf(targets3)].toSorted());
  for (const role of ["timestamp", "snapshot", "names-0", "catalogue"]) expect(of(role)).toMatchObject({ keys: [hexOf(online)] });
}, 600_000);
