import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { chmod, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  validateSecretsStoreDeleteParams,
  validateSecretsStoreListResult,
  validateSecretsStoreMutationResult,
  validateSecretsStoreSetParams,
} from "@openclaw/gateway-protocol";
import { type AccessHome, useHomes } from "../../tests/support/access-home.ts";

const { open, restart } = useHomes(afterEach);
const value = "sk-live-0123456789-plain-text-that-must-not-be-found";
const set = (home: AccessHome, name: string, text = value) => home.call("secrets.store.set", { name, value: text, kind: "secret" });

/** Everything below the home, but the key file. */
async function bytesOf(home: AccessHome): Promise<string> {
  const files = (await readdir(home.path)).filter((name) => name !== "key");
  return (await Promise.all(files.map((name) => readFile(join(home.path, name), "latin1")))).join("\n");
}

const change = (home: AccessHome, sql: string, ...params: (string | Uint8Array)[]) => {
  const database = new Database(home.databasePath);
  database.query(sql).run(...params);
  database.close();
};

describe("a secret", () => {
  test("is in no file in plain text, before and after it is changed, rotated and deleted (#28359, #42355, #92931, #96489)", async () => {
    const home = await open();
    const found = async () => {
      const bytes = await bytesOf(home);
      expect(bytes).toContain("OPENAI_API_KEY");
      return [value, Buffer.from(value).toString("base64").slice(0, 40), Buffer.from(value).toString("hex")].some((text) =>
        bytes.includes(text),
      );
    };
    await set(home, "OPENAI_API_KEY");
    expect(await found()).toBe(false);
    await set(home, "OPENAI_API_KEY", `${value}-2`);
    await home.call("secrets.rotate");
    expect(await found()).toBe(false);
    await home.call("secrets.store.delete", { name: "OPENAI_API_KEY" });
    await home.stop();
    expect(await found()).toBe(false);
    expect(JSON.stringify(home.log)).not.toContain(value);
    expect(JSON.stringify(home.emitted)).not.toContain(value);
  });

  test("never comes back over the wire", async () => {
    const home = await open();
    const answers = [await set(home, "API_KEY"), await home.call("secrets.grant", { name: "API_KEY", plugin: "weather" })];
    for (const name of ["secrets.store.list", "secrets.grants", "secrets.rotate"]) answers.push(await home.call(name));
    expect(answers).toHaveLength(5);
    expect(JSON.stringify(answers)).toContain("API_KEY");
    expect(JSON.stringify(answers)).not.toContain(value);
  });

  test("fits the wire's own shapes", async () => {
    const home = await open();
    expect(validateSecretsStoreSetParams({ name: "API_KEY", value, kind: "secret" })).toBe(true);
    expect(validateSecretsStoreDeleteParams({ name: "API_KEY" })).toBe(true);
    expect(validateSecretsStoreMutationResult(await set(home, "API_KEY"))).toBe(true);
    expect(validateSecretsStoreListResult(await home.call("secrets.store.list"))).toBe(true);
    expect(validateSecretsStoreMutationResult(await home.call("secrets.store.delete", { name: "API_KEY" }))).toBe(true);
    await expect(home.call("secrets.store.delete", { name: "API_KEY" })).rejects.toMatchObject({ code: "SECRETS_UNKNOWN" });
    for (const name of ["api_key", "", "A B", "A".repeat(129)]) await expect(set(home, name)).rejects.toThrow("refuses");
  });

  test("reaches a plugin only by name and grant (#78528, #8966)", async () => {
    const home = await open();
    await set(home, "API_KEY");
    const { secrets } = home.access;
    const granted = async () => [await secrets.isGranted("API_KEY", "weather"), await secrets.isGranted("API_KEY", "news")];
    expect(await granted()).toEqual([false, false]);
    await home.call("secrets.grant", { name: "API_KEY", plugin: "weather" });
    expect(await granted()).toEqual([true, false]);
    await home.call("secrets.grant", { name: "API_KEY", plugin: "weather", granted: false });
    expect(await granted()).toEqual([false, false]);

    await home.call("secrets.grant", { name: "API_KEY", plugin: "weather" });
    await home.call("secrets.store.delete", { name: "API_KEY" });
    await set(home, "API_KEY", "another owner's");
    expect(await granted()).toEqual([false, false]);
    expect(await secrets.get("NEVER_SET")).toBeUndefined();
  });

  test("is read after a restart, whatever its text", async () => {
    let home = await open();
    const texts = ["", " ", "ünïcödé 🔑", "x".repeat(65_536), "a\u0000b"];
    for (const [n, text] of texts.entries()) await set(home, `S${n}`, text);
    home = await restart(home);
    for (const [n, text] of texts.entries()) expect(await home.access.secrets.get(`S${n}`)).toBe(text);
  });

  test("does not open in another's row, nor with a changed byte", async () => {
    const home = await open();
    await set(home, "CHEAP", "the cheap one");
    await set(home, "DEAR", "the dear one");
    change(home, "update access_secret set box = (select box from access_secret where name = 'DEAR') where name = 'CHEAP'");
    await expect(home.access.secrets.get("CHEAP")).rejects.toMatchObject({ code: "SECRETS_DAMAGED" });
    const [row] = await home.store.read<{ box: Uint8Array }>("select box from access_secret where name = 'DEAR'");
    for (let at = 0; at < (row?.box.length ?? 0); at++) {
      const box = Uint8Array.from(row?.box ?? [], (byte, index) => (index === at ? byte ^ 1 : byte));
      change(home, "update access_secret set box = ? where name = 'DEAR'", box);
      await expect(home.access.secrets.get("DEAR")).rejects.toMatchObject({ code: "SECRETS_DAMAGED" });
    }
  });
});

describe("rotation", () => {
  test("encrypts everything anew and forgets the old key", async () => {
    let home = await open();
    for (let n = 0; n < 20; n++) await set(home, `S${n}`, `value ${n}`);
    const [before] = home.keys.secretsKeys();
    const old = await home.store.read<{ key_id: string }>("select distinct key_id from access_secret");
    expect(await home.call("secrets.rotate")).toEqual({ ok: true, rotated: 20, unreadable: [] });
    const now = await home.store.read<{ key_id: string }>("select distinct key_id from access_secret");
    expect(now).toHaveLength(1);
    expect(now).not.toEqual(old);
    expect(await readFile(home.keys.keyPath, "utf8")).not.toContain(before.bytes.toString("base64url"));
    home = await restart(home);
    for (let n = 0; n < 20; n++) expect(await home.access.secrets.get(`S${n}`)).toBe(`value ${n}`);
  });

  test("loses no value that is set while it runs", async () => {
    const home = await open();
    await set(home, "BEFORE", "1");
    const writes = Array.from({ length: 10 }, (_, n) => set(home, `DURING${n}`, String(n)));
    const overwritten = [home.call("secrets.rotate"), set(home, "BEFORE", "2"), home.call("secrets.rotate")];
    await Promise.all([...writes, ...overwritten]);
    expect(await home.access.secrets.get("BEFORE")).toBe("2");
    for (let n = 0; n < 10; n++) expect(await home.access.secrets.get(`DURING${n}`)).toBe(String(n));
    expect(home.keys.secretsKeys()).toHaveLength(1);
  });

  test("that died after its key was made is finished by the next", async () => {
    let home = await open();
    await set(home, "API_KEY");
    await home.keys.addSecretsKey();
    home = await restart(home);
    expect(home.keys.secretsKeys()).toHaveLength(2);
    expect(await home.access.secrets.get("API_KEY")).toBe(value);
    await home.call("secrets.rotate");
    expect(home.keys.secretsKeys()).toHaveLength(1);
    expect(await home.access.secrets.get("API_KEY")).toBe(value);
  });

  test("keeps no device from coming back, and leaves the audit log whole", async () => {
    let home = await open();
    await home.invite("node");
    const identity = await home.call("gateway.identity.get");
    await home.call("secrets.rotate");
    home = await restart(home);
    expect(await home.call("gateway.identity.get")).toEqual(identity);
    expect(await home.access.audit.verify()).toEqual({ ok: true, entries: 1 });
  });
});

describe("a lost key", () => {
  test("is said so, with what to do, and the gateway serves on", async () => {
    let home = await open();
    await set(home, "OLD_KEY");
    await home.stop();
    await rm(home.keys.keyPath);
    home = await restart(home);
    const lost = home.access.secrets.get("OLD_KEY");
    await expect(lost).rejects.toMatchObject({ code: "SECRETS_KEY_LOST", wire: "UNAVAILABLE" });
    await expect(lost).rejects.toThrow(
      /OLD_KEY was encrypted with key [0-9a-f]{12}, but .*key holds [0-9a-f]{12}: restore .* or set the secret again/,
    );
    expect(await home.call("secrets.store.list")).toMatchObject({ entries: [{ name: "OLD_KEY" }] });
    await set(home, "NEW_KEY", "fresh");
    expect(await home.access.secrets.get("NEW_KEY")).toBe("fresh");
    expect(await home.access.secrets.lost()).toEqual(["OLD_KEY"]);
    expect(await home.call("secrets.rotate")).toEqual({ ok: true, rotated: 1, unreadable: ["OLD_KEY"] });
    await set(home, "OLD_KEY", "set again");
    expect(await home.access.secrets.get("OLD_KEY")).toBe("set again");
  });

  test("that is put back opens what it closed", async () => {
    let home = await open();
    await set(home, "API_KEY");
    const backup = await readFile(home.keys.keyPath);
    await rm(home.keys.keyPath);
    home = await restart(home);
    await expect(home.access.secrets.get("API_KEY")).rejects.toMatchObject({ code: "SECRETS_KEY_LOST" });
    await home.call("secrets.rotate");
    await home.stop();
    await writeFile(home.keys.keyPath, backup);
    home = await restart(home);
    expect(await home.access.secrets.get("API_KEY")).toBe(value);
  });
});

describe("the key and token files", () => {
  test("are made once, readable by their owner alone", async () => {
    let home = await open();
    const before = await bytesOf(home);
    for (const name of ["key", "token"]) expect((await stat(join(home.path, name))).mode & 0o777).toBe(0o600);
    expect(before).toContain(home.keys.token);
    expect(Buffer.from(home.keys.token, "base64url").length).toBe(32);
    const { token } = home.keys;
    home = await restart(home);
    expect(home.keys.token).toBe(token);
    expect((await readdir(home.path)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("are closed again when somebody opened them to others", async () => {
    let home = await open();
    await chmod(home.keys.keyPath, 0o644);
    home = await restart(home);
    expect((await stat(home.keys.keyPath)).mode & 0o777).toBe(0o600);
    expect(home.log.map(({ event }) => event)).toContain("keys.permissions-tightened");
  });

  test("are kept aside when they are damaged, and the gateway starts", async () => {
    let home = await open();
    for (const damage of ["", "{", '{"root":"short","secrets":["short"]}', "null"]) {
      await home.stop();
      await writeFile(home.keys.keyPath, damage);
      home = await restart(home);
      const fields = home.log.find(({ event }) => event === "keys.damaged")?.fields;
      expect(fields).toMatchObject({ path: home.keys.keyPath });
      expect(await readFile(String(fields?.moved), "utf8")).toBe(damage);
    }
  });
});
