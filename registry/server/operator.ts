/** What whoever runs a registry does beside the server, while it runs or not: tokens, and who may have a name. */
import { openDatabase } from "./database.ts";
import { createNames, type Names } from "./names.ts";
import { createTokens, type Tokens } from "./tokens.ts";

export interface Operator extends Disposable {
  readonly tokens: Tokens;
  readonly names: Names;
}

/** Throws `REGISTRY_NOT_FOUND` for a folder in which there is no registry. */
export function openOperator(folder: string, now: () => number): Operator {
  const database = openDatabase(folder);
  return {
    tokens: createTokens(database, now),
    names: createNames(database, "open", () => undefined, now),
    [Symbol.dispose]: () => database.close(),
  };
}
