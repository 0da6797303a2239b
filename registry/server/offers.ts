/** Names that are offered to another publisher, in a statement that is signed, until that one takes it. */
import type { Database } from "bun:sqlite";
import { RegistryError } from "../error.ts";
import type { PackageName } from "../name.ts";
import type { Repository } from "../repository/repository.ts";
import { parseStatement, type Transfer } from "../trust/statement.ts";
import type { Newcomers } from "./newcomers.ts";
import { currentOffer, type Offer } from "./offer.ts";

export interface Offers {
  /** What may still be taken up. */
  of(name: PackageName): Offer | undefined;
  /** All of them, by name; of very many the first. */
  all(): readonly Transfer[];
  /** In the place of one before. Throws `REGISTRY_*` for one that its publisher has not signed, nor the founders, that counts no more, or that is for nobody. */
  put(name: PackageName, statement: Uint8Array): void;
  /** The statement, for whom it names. Throws `REGISTRY_FORBIDDEN`. */
  requireFor(name: PackageName, publisher: string): Uint8Array;
  remove(name: PackageName): void;
}

export function createOffers(database: Database, repository: Repository, newcomers: Newcomers, now: () => number): Offers {
  const offered = database.query<{ statement: Uint8Array }, [string, string]>("SELECT statement FROM offers WHERE kind = ? AND id = ?");

  const of = (name: PackageName): Offer | undefined => {
    const bytes = offered.get(name.kind, name.id)?.statement;
    return bytes && currentOffer(bytes, repository, now);
  };
  return {
    of,
    all: () =>
      database
        .query<{ statement: Uint8Array }, []>("SELECT statement FROM offers ORDER BY id, kind LIMIT 1000")
        .all()
        .flatMap(({ statement }) => currentOffer(statement, repository, now)?.statement.signed ?? []),
    put(name, bytes) {
      const { kind, id, to, keys } = parseStatement("transfer", bytes).signed;
      if (kind !== name.kind || id !== name.id)
        throw new RegistryError("REGISTRY_REQUEST_INVALID", `the statement speaks of ${kind}/${id}`);
      repository.requireTransfer(bytes);
      newcomers.requireReceiver(name, to, keys);
      database.query("INSERT OR REPLACE INTO offers (kind, id, statement) VALUES (?, ?, ?)").run(kind, id, bytes);
    },

    requireFor(name, publisher) {
      const offer = of(name);
      if (offer?.statement.signed.to === publisher) return offer.bytes;
      throw new RegistryError("REGISTRY_FORBIDDEN", `${name.id} is not offered to ${publisher}`);
    },

    remove: ({ kind, id }) => void database.query("DELETE FROM offers WHERE kind = ? AND id = ?").run(kind, id),
  };
}
