/** What was stopped since it is revoked has one entry in the audit log, whenever whoever stopped it is killed. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, readFileSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { timeOf } from "../../registry/schema.ts";
import type { CliHome } from "../support/cli.ts";
import { startShop } from "../support/packages.ts";
import { entryIn } from "../support/pincer-lock.ts";
import { homeWith } from "../support/shop-home.ts";

function entriesIn({ path }: CliHome): readonly unknown[] {
  using db = new Database(join(path, "pincer.db"), { readonly: true });
  const rows = db.query("select action, body ->> 'resources' as resources from access_audit where action like 'registry-client.re%'").all();
  return (rows as { action: string; resources: string }[]).map(({ action, resources }) => [action, JSON.parse(resources)[0]]);
}

/** As soon as the file is there, or is not. */
async function untilThere(folder: string, name: string, isThere: boolean): Promise<void> {
  const seen = Promise.withResolvers<void>();
  const look = () => existsSync(join(folder, name)) === isThere && seen.resolve();
  const watcher = watch(folder, look);
  look();
  await seen.promise;
  watcher.close();
}

test("killed between the stop and its entry, and between the entry and what remembers that it is owed, there is one entry of it", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  await using home = homeWith(shop, { pollSeconds: 1 });
  await home.pincer(["install", "weather", "--yes"]);
  await home.pincer(["up"]);
  const { digest } = entryIn(home);
  const [folder, word] = [join(home.path, "plugins", "weather"), `${digest}.revoked`];
  const owedFile = join(home.path, "registries", "owed.json");
  const kill = () => process.kill(JSON.parse(readFileSync(join(home.path, "gateway.json"), "utf8")).pid, "SIGKILL");
  const revoke = (isRevoked: boolean) => {
    const one = { kind: "plugins" as const, id: "weather", versions: ["1.0.0"], reason: "it lies", at: timeOf(Date.now()) };
    shop.house.repository.revoke(isRevoked ? [one] : [], shop.house.founders.revocations);
  };
  const stopped = ["registry-client.revoked", "plugins/weather@1.0.0"];
  const restored = ["registry-client.restored", "plugins/weather@1.0.0"];

  const there = untilThere(folder, word, true);
  revoke(true);
  await there;
  kill();
  // None is left where the entry came before the kill.
  const left = JSON.parse(readFileSync(owedFile, "utf8")) as readonly { readonly once: string }[];
  await home.pincer(["up"]);
  await home.json(["call", "registry-client.watch"]);
  expect(entriesIn(home)).toEqual([stopped]);
  expect(JSON.parse(readFileSync(owedFile, "utf8"))).toEqual([]);

  await home.pincer(["stop"]);
  using db = new Database(join(home.path, "pincer.db"), { readonly: true });
  const [{ once }] = db.query("select body ->> 'once' as once from access_audit where action = 'registry-client.revoked'").all() as [
    { once: string },
  ];
  expect(left.length === 0 || left[0]!.once === once).toBe(true);
  // As when it was killed between the entry and what remembers that it is owed.
  writeFileSync(owedFile, JSON.stringify([{ action: stopped[0], resources: [stopped[1]], once }]));
  await home.pincer(["up"]);
  await home.json(["call", "registry-client.watch"]);
  expect(entriesIn(home)).toEqual([stopped]);

  // What somebody has made of the file keeps nothing from being stopped, or let go.
  writeFileSync(owedFile, JSON.stringify({ action: stopped[0] }));
  const gone = untilThere(folder, word, false);
  revoke(false);
  await gone;
  kill();
  await home.pincer(["up"]);
  await home.json(["call", "registry-client.watch"]);
  expect(entriesIn(home)).toEqual([stopped, restored]);
}, 120_000);
