/** Secrets at rest: AES-256-GCM, with keys of the home's key file; a plugin gets one by name and grant. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { secrets } from "@pincer/plugin-sdk/contracts/secrets";
import { defineErrors } from "@pincer/plugin-sdk/error";
import { createQueue } from "@pincer/plugin-sdk/queue";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import type { Statement, Store } from "../../store/store.ts";
import { nodeCrypto } from "../builtin.ts";
import type { Keys, SecretsKey } from "./keys.ts";

const secretErrors = defineErrors({
  SECRETS_KEY_LOST: { message: "the key that a secret was encrypted with is lost", wire: "UNAVAILABLE" },
  SECRETS_DAMAGED: { message: "a stored secret is not as it was written", wire: "UNAVAILABLE" },
  SECRETS_UNKNOWN: { message: "there is no secret of that name", wire: "INVALID_REQUEST" },
});

export const secretSchema = `
  create table access_secret (name text primary key, key_id text not null, box blob not null, created_at integer not null,
    updated_at integer not null, updated_by text not null) strict;
  create table access_secret_grant (name text not null, plugin text not null, granted_at integer not null, primary key (name, plugin)) strict;`;

interface Box {
  readonly name: string;
  readonly key_id: string;
  /** Nonce (12 bytes), tag (16), ciphertext. */
  readonly box: Uint8Array;
}

export type Secrets = ReturnType<typeof createSecrets>;

/** The name is bound to the value: moved to another row, it does not open. */
function encrypt(key: SecretsKey, name: string, value: string): Uint8Array {
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const cipher = nodeCrypto().createCipheriv("aes-256-gcm", key.bytes, nonce).setAAD(Buffer.from(name));
  const text = Buffer.concat([cipher.update(value, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]);
}

export function createSecrets(
  store: Store,
  clock: Clock,
  keys: Pick<Keys, "keyPath" | "secretsKeys" | "addSecretsKey" | "retireSecretsKeys">,
  /** Told when a secret came or went, for everybody or for one plugin. */
  changed: () => void = () => undefined,
) {
  /** A value that is set while keys are rotated must not end up under the key that is forgotten. */
  const inTurn = createQueue();

  function decrypt({ name, key_id, box }: Box): string {
    const all = keys.secretsKeys();
    const key = all.find(({ id }) => id === key_id);
    if (!key) {
      throw secretErrors.SECRETS_KEY_LOST(
        `secret ${name} was encrypted with key ${key_id}, but ${keys.keyPath} holds ${all.map(({ id }) => id)}: restore that file from a backup, or set the secret again`,
      );
    }
    try {
      const decipher = nodeCrypto()
        .createDecipheriv("aes-256-gcm", key.bytes, box.subarray(0, 12))
        .setAAD(Buffer.from(name))
        .setAuthTag(box.subarray(12, 28));
      return Buffer.concat([decipher.update(box.subarray(28)), decipher.final()]).toString("utf8");
    } catch (cause) {
      throw secretErrors.SECRETS_DAMAGED(`secret ${name} is not as it was written: somebody changed the store; set it again`, { cause });
    }
  }

  const get = async (name: string) => {
    const [row] = await store.read<Box>("select name, key_id, box from access_secret where name = ?", name);
    return row && decrypt(row);
  };

  const contract: ImplementationOf<typeof secrets> = {
    set: ({ name, value, by }) =>
      inTurn(async () => {
        const key = keys.secretsKeys().at(-1) as SecretsKey;
        await store.write([
          `insert into access_secret values (?1, ?2, ?3, ?4, ?4, ?5)
           on conflict (name) do update set key_id = ?2, box = ?3, updated_at = ?4, updated_by = ?5`,
          ...[name, key.id, encrypt(key, name, value), clock.now(), by],
        ]);
        changed();
        return {};
      }),

    list: async () => ({
      entries: await store.read(
        `select name, created_at as createdAtMs, updated_at as updatedAtMs, updated_by as updatedBy from access_secret order by name`,
      ),
    }),

    async delete({ name }, io) {
      const [rows = []] = await store.write(
        ["delete from access_secret where name = ? returning name", name],
        ["delete from access_secret_grant where name = ?", name],
      );
      const kept = async () => (await contract.list({}, io)).entries.map((entry) => entry.name);
      if (rows.length === 0) throw secretErrors.SECRETS_UNKNOWN(`there is no secret ${name}${suggestion(name, await kept())}`);
      changed();
      return {};
    },

    grants: async () => ({
      grants: await store.read("select name, plugin, granted_at as grantedAtMs from access_secret_grant order by name, plugin"),
    }),

    async grant({ name, plugin, granted }) {
      if (granted) await store.write(["insert or ignore into access_secret_grant values (?, ?, ?)", name, plugin, clock.now()]);
      else await store.write(["delete from access_secret_grant where name = ? and plugin = ?", name, plugin]);
      changed();
      return {};
    },

    /** In one transaction. */
    rotate: () =>
      inTurn(async () => {
        const key = await keys.addSecretsKey();
        const rows = await store.read<Box>("select name, key_id, box from access_secret");
        const unreadable = new Map<string, string>();
        const updates: Statement[] = [];
        for (const row of rows) {
          try {
            const box = encrypt(key, row.name, decrypt(row));
            updates.push(["update access_secret set key_id = ?, box = ? where name = ?", key.id, box, row.name]);
          } catch {
            unreadable.set(row.name, row.key_id); // silent-ok: named in the answer, and left as it is in case its key comes back
          }
        }
        await store.write(...updates);
        await keys.retireSecretsKeys(new Set(unreadable.values()));
        return { rotated: updates.length, unreadable: [...unreadable.keys()] };
      }),
  };

  return {
    contract,

    /** For the kernel itself. Undefined when it is not set; throws `SECRETS_KEY_LOST` or `SECRETS_DAMAGED`. */
    get,

    isGranted: async (name: string, plugin: string): Promise<boolean> =>
      (await store.read("select 1 from access_secret_grant where name = ? and plugin = ?", name, plugin)).length > 0,

    names: async () => (await store.read<{ name: string }>("select name from access_secret")).map(({ name }) => name),

    /** Names of those whose key is lost, for health and doctor. */
    async lost(): Promise<string[]> {
      const known = keys.secretsKeys().map(({ id }) => id);
      const rows = await store.read<Box>("select name, key_id from access_secret order by name");
      return rows.filter(({ key_id }) => !known.includes(key_id)).map(({ name }) => name);
    },
  };
}
