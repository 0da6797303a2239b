/** What whoever runs a registry sees and does beside the server, while it runs or not: tokens, who may have a name, and what is offered to whom. */
import { currentRoles } from "../repository/current.ts";
import { repositoryFiles } from "../repository/files.ts";
import { ownerOf } from "../repository/hand-over.ts";
import type { Owner } from "../trust/owner.ts";
import { parseStatement, type Transfer } from "../trust/statement.ts";
import { openDatabase } from "./database.ts";
import { type Names, operatorsNames } from "./names.ts";
import { createTokens, type Tokens } from "./tokens.ts";

export interface Operator extends Disposable {
  readonly tokens: Tokens;
  readonly names: Names;
  /** With which keys a publisher signs; undefined for one of whom nothing is registered. */
  publisher(name: string): Owner | undefined;
  /** Also those that counted only with an earlier list of whoever offers it. */
  offers(): readonly Transfer[];
}

/** Throws `REGISTRY_NOT_FOUND` for a folder in which there is no registry. */
export function openOperator(folder: string, now: () => number): Operator {
  const database = openDatabase(folder);
  const roles = currentRoles(repositoryFiles(folder));
  return {
    tokens: createTokens(database, now),
    names: operatorsNames(database, now),
    publisher: (name) => ownerOf(roles, name),
    offers: () =>
      database
        .query<{ statement: Uint8Array }, []>("SELECT statement FROM offers ORDER BY kind, id")
        .all()
        .map(({ statement }) => parseStatement("transfer", statement).signed)
        .filter(({ expires }) => now() < Date.parse(expires)),
    [Symbol.dispose]: () => database.close(),
  };
}
