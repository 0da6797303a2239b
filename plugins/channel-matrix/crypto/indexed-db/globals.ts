/** What the crypto library looks for among the globals, where a browser has it. */
import { branded, createFactory } from "./database.ts";
import { File } from "./file.ts";
import { KeyRange } from "./keys.ts";

const files = new Map<string, File>();

/** A database's name begins with the name of its store. */
const fileOf = (database: string): File => {
  const file = files.get(database.split("::")[0] ?? "");
  if (file === undefined) throw new DOMException(`no file is open for ${database}`, "NotFoundError");
  return file;
};

const globals = {
  indexedDB: createFactory(fileOf),
  IDBKeyRange: KeyRange,
  ...Object.fromEntries(
    ["IDBRequest", "IDBOpenDBRequest", "IDBDatabase", "IDBCursor", "IDBCursorWithValue"].map((kind) => [kind, branded(kind)]),
  ),
};

/** Opens the file of a store, for as long as it is not disposed of. Throws when another has it open. */
export function openFile(store: string, path: string): Disposable {
  const file = new File(path);
  files.set(store, file);
  // A generation that was here before may have put its own there.
  Object.assign(globalThis, globals);
  return {
    [Symbol.dispose]() {
      files.delete(store);
      file.close();
    },
  };
}
