/** A folder in which several publish at once, and no server runs: each comes to its turn, and nobody's release is lost. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { createCliHome } from "../support/cli.ts";
import { writePlainPlugin } from "../support/plain-plugin.ts";

test("of those who publish into one folder at once each is in the registry afterwards, also two of one publisher", async () => {
  await using cli = createCliHome();
  const at = join(cli.path, "..");
  const registry = join(at, "registry");
  await cli.json(["registry", "init", registry]);
  for (const name of ["ada", "eve"]) await cli.json(["registry", "keygen", join(at, `${name}.pem`)]);
  const publish = (id: string, publisher: string) => {
    const folder = writePlainPlugin(join(at, id), { id, version: "1.0.0" });
    return cli.json([
      "registry",
      "publish",
      folder,
      "--registry",
      registry,
      "--publisher",
      publisher,
      "--key",
      join(at, `${publisher}.pem`),
    ]);
  };
  const wanted = { rain: "ada", snow: "ada", fog: "eve", hail: "eve" };
  const published = await Promise.all(Object.entries(wanted).map(([id, publisher]) => publish(id, publisher)));
  expect(published).toMatchObject(Object.values(wanted).map(() => ({ ok: true })));
  expect(await cli.json(["registry", "verify", registry])).toMatchObject({ ok: true, releases: 4 });
}, 120_000);
