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
  /** `transfer` hands the name over, as the statement says; it is for whom that names. Throws `REGISTRY_FORBIDDEN`, and as `transfer`. */
  take(name: PackageName, publisher: string, transfer: (statement: Uint8Array) => void): void;
}

const dayMs = 24 * 60 * 60 * 1000;

/** An offer keeps the name of whom it is for from everybody else: so long at most, and so many of one publisher's at once. */
const most = { days: 30, receivers: 5 } as const;

export function createOffers(database: Database, repository: Repository, newcomers: Newcomers, now: () => number): Offers {
  const offered = database.query<{ statement: Uint8Array }, [string, string]>("SELECT statement FROM offers WHERE kind = ? AND id = ?");
  const offeredBy = database.query<{ statement: Uint8Array }, [string]>(
    "SELECT statement FROM offers WHERE CAST(statement AS TEXT) ->> '$.signed.from' = ?",
  );

  const of = (name: PackageName): Offer | undefined => {
    const bytes = offered.get(name.kind, name.id)?.statement;
    return bytes && currentOffer(bytes, repository, now);
  };
  const isNew = (publisher: string) => !repository.publisher(publisher) && !repository.signedBy(publisher);

  function requireRoom(name: PackageName, from: string, to: string): void {
    const open = offeredBy.all(from).flatMap(({ statement }) => currentOffer(statement, repository, now)?.statement.signed ?? []);
    const others = open.filter((offer) => !(offer.kind === name.kind && offer.id === name.id) && isNew(offer.to));
    const kept = new Set(others.map((offer) => offer.to));
    if (!isNew(to) || kept.has(to) || kept.size < most.receivers) return;
    const until = others.map(({ expires }) => expires).sort()[0];
    throw new RegistryError(
      "REGISTRY_FORBIDDEN",
      `${from} offers packages to ${kept.size} publishers already who are new here (${[...kept].join(", ")}), which keeps their names from everybody else: ${name.id} can be offered to ${to} once one of them has accepted, or the first of these offers has ended at ${until}; all of them end when ${from} publishes`,
    );
  }

  return {
    of,
    all: () =>
      database
        .query<{ statement: Uint8Array }, []>("SELECT statement FROM offers ORDER BY id, kind LIMIT 1000")
        .all()
        .flatMap(({ statement }) => currentOffer(statement, repository, now)?.statement.signed ?? []),
    put(name, bytes) {
      const statement = parseStatement("transfer", bytes);
      const { kind, id, from, to, keys, expires } = statement.signed;
      if (kind !== name.kind || id !== name.id)
        throw new RegistryError("REGISTRY_REQUEST_INVALID", `the statement speaks of ${kind}/${id}`);
      repository.requireTransfer(bytes);
      if (Date.parse(expires) > now() + most.days * dayMs)
        throw new RegistryError(
          "REGISTRY_REQUEST_INVALID",
          `an offer counts for ${most.days} days at most, and this one would until ${expires}`,
        );
      newcomers.requireReceiver(name, to, keys);
      requireRoom(name, from, to);
      // Written anew: of what a text says twice, the database finds another one than was read.
      const written = new TextEncoder().encode(JSON.stringify(statement));
      database.query("INSERT OR REPLACE INTO offers (kind, id, statement) VALUES (?, ?, ?)").run(kind, id, written);
    },

    take(name, publisher, transfer) {
      const offer = of(name);
      if (offer?.statement.signed.to !== publisher)
        throw new RegistryError("REGISTRY_FORBIDDEN", `${name.id} is not offered to ${publisher}`);
      newcomers.keep(offer.statement.signed.from);
      transfer(offer.bytes);
      database.query("DELETE FROM offers WHERE kind = ? AND id = ?").run(name.kind, name.id);
    },
  };
}
