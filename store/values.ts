/** Each plugin's key-value store, a table of the store. */
import type { KeyValueStore } from "@pincer/plugin-sdk";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import type { Migration, Statement, Store } from "./store.ts";

export const pluginMigrations: readonly Migration[] = [
  {
    room: "plugins",
    version: 1,
    sql: "create table plugin_value (plugin text not null, key text not null, value text not null, primary key (plugin, key)) strict, without rowid",
  },
];

const largest = 1_000_000;

/** What keeps the changes, for whoever commits them together with something else; `undefined` deletes. Throws `PLUGIN_VALUE_INVALID`. */
export function valueStatements(plugin: string, changes: Readonly<Record<string, unknown>>): Statement[] {
  return Object.entries(changes).map(([key, value]) => {
    if (value === undefined) return ["delete from plugin_value where plugin = ? and key = ?", plugin, key];
    const text = JSON.stringify(value);
    if (text === undefined) throw pluginErrors.PLUGIN_VALUE_INVALID(`${plugin} keeps under "${key}" what is no JSON: a ${typeof value}`);
    if (text.length > largest)
      throw pluginErrors.PLUGIN_VALUE_INVALID(`${plugin} keeps under "${key}" ${text.length} bytes; at most ${largest} are allowed`);
    return ["insert into plugin_value values (?, ?, ?) on conflict do update set value = excluded.value", plugin, key, text];
  });
}

export function createValues(store: Store, plugin: string): KeyValueStore {
  return {
    async get<T>(key: string) {
      const [row] = await store.read<{ value: string }>("select value from plugin_value where plugin = ? and key = ?", plugin, key);
      return row && (JSON.parse(row.value) as T);
    },
    async list<T>(prefix: string) {
      const sql = "select key, value from plugin_value where plugin = ? and key >= ? and key < ? order by key";
      const rows = await store.read<{ key: string; value: string }>(sql, plugin, prefix, `${prefix}\u{10ffff}`);
      return rows.map(({ key, value }) => ({ key, value: JSON.parse(value) as T }));
    },
    async set(changes) {
      const statements = valueStatements(plugin, changes);
      if (statements.length > 0) await store.write(...statements);
    },
  };
}
