/** The gateway's configuration, as far as an installation has a part in it: that of a gateway that runs, or the file of one that does not. */
import { join } from "node:path";
import type { HandleOf } from "@pincer/plugin-sdk/contract";
import type { configuration } from "@pincer/plugin-sdk/contracts/configuration";
import { isObject, type Json, type JsonObject, jsonOf, parseJson5, putAt } from "@pincer/plugin-sdk/json5";
import { editJson5 } from "@pincer/plugin-sdk/json5-edit";
import { readText, replaceFile } from "./layout.ts";

/** A path, and what is to stand there; `undefined`: nothing. */
export type Change = readonly [path: readonly string[], value: Json | undefined];

export interface Settings {
  /** As it is written, without defaults. */
  read(signal: AbortSignal): Promise<JsonObject>;
  change(changes: readonly Change[], signal: AbortSignal): Promise<void>;
}

const applied = (written: JsonObject, changes: readonly Change[]): JsonObject =>
  changes.reduce((value, [path, member]) => putAt(value, path, member), written);

/** Of a gateway that does not run; its next start judges it. */
export function settingsOfFile(home: string): Settings {
  const file = join(home, "pincer.json5");
  const parsed = (text: string): JsonObject => {
    const value = jsonOf(parseJson5(text));
    return isObject(value) ? value : {};
  };
  const text = () => readText(file) ?? "{}\n";
  return {
    read: async () => parsed(text()),
    async change(changes) {
      const before = text();
      const after = applied(parsed(before), changes);
      if (!Bun.deepEquals(after, parsed(before))) replaceFile(file, editJson5(before, after));
    },
  };
}

export function settingsOfGateway({ read, edit }: HandleOf<typeof configuration>): Settings {
  const written = (value: unknown): JsonObject => (isObject(value) ? value : {});
  return {
    read: async (signal) => written((await read({}, { signal })).written),
    async change(changes, signal) {
      const { written: before, hash } = await read({}, { signal });
      const after = applied(written(before), changes);
      if (!Bun.deepEquals(after, written(before))) await edit({ value: after, baseHash: hash }, { signal });
    },
  };
}
