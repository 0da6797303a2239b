import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { copyFile, readFile, rm, stat, writeFile } from "node:fs/promises";
import type { Store } from "../../store/store.ts";
import { type AccessHome, useHomes } from "../../tests/support/access-home.ts";
import { createAudit } from "./audit.ts";

const { open, restart } = useHomes(afterEach);
const entry = (n: number) => ({ principal: "shared", action: "config.patch", resources: [`gateway/${n}`], outcome: "ok" as const });
const fill = async (home: AccessHome, count: number) => {
  for (let n = 1; n <= count; n++) await home.access.audit.append(entry(n));
};
const tamper = (home: AccessHome, sql: string, ...params: (string | number)[]) => {
  const database = new Database(home.databasePath);
  database.query(sql).run(...params);
  database.close();
};

test("an entry holds who, what, to what, when and with which outcome", async () => {
  const home = await open();
  await home.access.audit.append({ ...entry(1), agent: "main", outcome: "refused" });
  expect(await home.access.audit.page()).toEqual([
    {
      seq: 1,
      at: home.clock.now(),
      principal: "shared",
      agent: "main",
      action: "config.patch",
      resources: ["gateway/1"],
      outcome: "refused",
    },
  ]);
});

test("the log is read newest first, in pages", async () => {
  const home = await open();
  await fill(home, 25);
  const seen: number[] = [];
  for (let before: number | undefined; ; ) {
    const page = await home.access.audit.page({ limit: 10, ...(before ? { before } : {}) });
    if (page.length === 0) break;
    seen.push(...page.map(({ seq }) => seq));
    before = page.at(-1)?.seq;
  }
  expect(seen).toEqual(Array.from({ length: 25 }, (_, n) => 25 - n));
});

test("entries that come at once are one chain in their order, which goes on after a restart", async () => {
  let home = await open();
  await Promise.all(Array.from({ length: 2_500 }, (_, n) => home.access.audit.append(entry(n))));
  home = await restart(home);
  await fill(home, 3);
  expect(await home.access.audit.verify()).toEqual({ ok: true, entries: 2_503 });
  const [newest] = await home.access.audit.page({ before: 2_501, limit: 1 });
  expect(newest).toMatchObject({ seq: 2_500, resources: ["gateway/2499"] });
});

test("of entries under the same id there is one, also when they come at once and behind a restart", async () => {
  let home = await open();
  const { append } = home.access.audit;
  await Promise.all([entry(1), { ...entry(2), once: "a" }, { ...entry(3), once: "a" }, { ...entry(4), once: "b" }].map(append));
  home = await restart(home);
  await home.access.audit.append({ ...entry(5), once: "b" });
  const kept = (await home.access.audit.page()).map(({ resources }) => resources[0]);
  expect(kept.toSorted()).toEqual(["gateway/1", "gateway/2", "gateway/4"]);
  expect(await home.access.audit.verify()).toEqual({ ok: true, entries: 3 });
});

test("a gateway that is killed right behind an entry, also the first, has a whole log when it starts again", async () => {
  let home = await open();
  for (let deaths = 1; deaths <= 3; deaths++) {
    const { clock, store, keys } = home;
    const killed = Promise.withResolvers<void>();
    const write: Store["write"] = async (...statements) => {
      await store.write(...statements);
      killed.resolve();
      return new Promise(() => {});
    };
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    void createAudit({ ...store, write }, clock, log, keys, () => 1_000).append(entry(deaths));
    await killed.promise;
    home = await restart(home);
    expect(await home.access.audit.verify()).toEqual({ ok: true, entries: deaths });
  }
  await home.access.audit.append(entry(4));
  expect(await home.access.audit.verify()).toEqual({ ok: true, entries: 4 });
});

describe("somebody who changes the store is seen, at the first entry that he touched", () => {
  const columns: [string, string | number][] = [
    ["at", 1],
    ["principal", "nobody"],
    ["action", "nothing"],
    ["body", '{"resources":[],"outcome":"ok"}'],
    ["mac", "A".repeat(43)],
  ];
  for (const [column, forged] of columns) {
    test(`by its ${column}, in every row`, async () => {
      const home = await open();
      await fill(home, 12);
      for (let seq = 1; seq <= 12; seq++) {
        const [row] = await home.store.read<Record<string, string>>(`select ${column} as was from access_audit where seq = ?`, seq);
        tamper(home, `update access_audit set ${column} = ? where seq = ?`, forged, seq);
        expect(await home.access.audit.verify()).toMatchObject({ ok: false, seq });
        tamper(home, `update access_audit set ${column} = ? where seq = ?`, row?.was as string, seq);
        expect(await home.access.audit.verify()).toEqual({ ok: true, entries: 12 });
      }
    });
  }

  for (let seq = 1; seq <= 6; seq++) {
    test(`by taking out entry ${seq} of 6, also when he closes the gap`, async () => {
      const home = await open();
      await fill(home, 6);
      tamper(home, "delete from access_audit where seq = ?", seq);
      expect(await home.access.audit.verify()).toMatchObject({ ok: false, seq });
      tamper(home, "update access_audit set seq = seq - 1 where seq > ?", seq);
      expect(await home.access.audit.verify()).toMatchObject({ ok: false, seq });
    });

    test(`by cutting everything off from entry ${seq} of 6, even after the log went on`, async () => {
      let home = await open();
      await fill(home, 6);
      tamper(home, "delete from access_audit where seq >= ?", seq);
      expect(await home.access.audit.verify()).toMatchObject({ ok: false, seq });
      home = await restart(home);
      await fill(home, 8);
      expect(home.log.map(({ event }) => event)).toContain("audit.broken");
      expect(await home.access.audit.verify()).toMatchObject({ ok: false, seq });
    });

    test(`by cutting everything off up to entry ${seq} of 6`, async () => {
      const home = await open();
      await fill(home, 6);
      tamper(home, "delete from access_audit where seq <= ?", seq);
      expect(await home.access.audit.verify()).toMatchObject({ ok: false, seq: 1 });
    });
  }

  test("by swapping two entries, or putting one in", async () => {
    const home = await open();
    await fill(home, 6);
    tamper(home, "insert into access_audit select 7, at, principal, action, body, mac from access_audit where seq = 6");
    expect(await home.access.audit.verify()).toMatchObject({ ok: false, seq: 7 });
    tamper(home, "delete from access_audit where seq = 7");
    tamper(home, "update access_audit set seq = case seq when 3 then -4 when 4 then -3 end where seq in (3, 4)");
    tamper(home, "update access_audit set seq = -seq where seq < 0");
    expect(await home.access.audit.verify()).toMatchObject({ ok: false, seq: 3 });
  });
});

describe("the anchor outside the store", () => {
  test("is readable by its owner alone", async () => {
    const home = await open();
    await fill(home, 1);
    expect((await stat(home.keys.anchorPath)).mode & 0o777).toBe(0o600);
  });

  test("when it is missing, forged or of another key is missed, also after the log went on", async () => {
    const forge = async (home: AccessHome) => {
      const anchor = JSON.parse(await readFile(home.keys.anchorPath, "utf8"));
      await writeFile(home.keys.anchorPath, JSON.stringify({ ...anchor, head: anchor.base }));
    };
    for (const damage of [(home: AccessHome) => rm(home.keys.anchorPath), forge, (home: AccessHome) => rm(home.keys.keyPath)]) {
      let home = await open();
      await fill(home, 3);
      await damage(home);
      home = await restart(home);
      expect(await home.access.audit.verify()).toMatchObject({ ok: false, seq: 1 });
      await fill(home, 3);
      expect(await home.access.audit.verify()).toMatchObject({ ok: false });
    }
  });

  test("may be behind after a crash, and the log is whole", async () => {
    let home = await open();
    await fill(home, 3);
    const behind = `${home.keys.anchorPath}.behind`;
    await copyFile(home.keys.anchorPath, behind);
    await fill(home, 3);
    await home.stop();
    await copyFile(behind, home.keys.anchorPath);
    home = await restart(home);
    expect(await home.access.audit.verify()).toEqual({ ok: true, entries: 6 });
    await fill(home, 1);
    expect(await home.access.audit.verify()).toEqual({ ok: true, entries: 7 });
  });
});

describe("retention", () => {
  test("keeps the newest entries, and what is kept can be verified", async () => {
    let home = await open({ auditRows: 100 });
    await fill(home, 350);
    const rows = await home.store.read<{ n: number; first: number }>("select count(*) as n, min(seq) as first from access_audit");
    expect(rows[0]?.n).toBeLessThanOrEqual(110);
    expect(rows[0]?.n).toBeGreaterThanOrEqual(100);
    home = await restart(home);
    await fill(home, 1);
    expect(await home.access.audit.verify()).toMatchObject({ ok: true });
    tamper(home, "update access_audit set principal = 'nobody' where seq = ?", rows[0]?.first as number);
    expect(await home.access.audit.verify()).toMatchObject({ ok: false, seq: rows[0]?.first });
  });

  test("that crashed between anchor and store is finished by the next", async () => {
    let home = await open({ auditRows: 10 });
    await fill(home, 11);
    await home.store.write(["create trigger keep before delete on access_audit begin select raise(abort, 'killed'); end"]);
    await fill(home, 1);
    expect(home.log.map(({ event }) => event)).toContain("audit.anchor-behind");
    home = await restart(home);
    expect(await home.access.audit.verify()).toEqual({ ok: true, entries: 10 });
    await home.store.write(["drop trigger keep"]);
    await fill(home, 10);
    expect(await home.access.audit.verify()).toMatchObject({ ok: true });
    expect(await home.store.read("select count(*) as n from access_audit")).toEqual([{ n: 10 }]);
  });
});

test("an entry that could not be kept is refused, and the chain goes on behind it", async () => {
  const home = await open();
  await fill(home, 2);
  await home.store.write(["create trigger full before insert on access_audit begin select raise(abort, 'disk full'); end"]);
  await expect(home.access.audit.append(entry(3))).rejects.toMatchObject({ code: "STORE_FAILED" });
  await home.store.write(["drop trigger full"]);
  await fill(home, 2);
  expect(await home.access.audit.verify()).toEqual({ ok: true, entries: 4 });
});
