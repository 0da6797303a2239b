/**
 * Under which name somebody is new. A publisher's name is free until something is published under it: but not where it was said with which keys that one
 * signs, by who runs the registry with a grant, or by somebody who offers that publisher a name. Else whoever is quickest keeps out the one who was meant.
 */
import type { Database } from "bun:sqlite";
import { RegistryError } from "../error.ts";
import type { PackageName } from "../name.ts";
import type { Repository } from "../repository/repository.ts";
import { signersOf } from "../trust/envelope.ts";
import { type PublicKey, publicKeyOf } from "../trust/key.ts";
import type { Metadata } from "../trust/metadata.ts";
import { hexKeysOf, type Owner } from "../trust/owner.ts";
import { currentOffer } from "./offer.ts";

export interface Newcomers {
  /** Of whom nothing is registered any more, since the last of his names is another's: with which keys he came. Undefined where that was not kept. */
  formerly(publisher: string): Owner | undefined;
  /** To be told before a name is taken from that publisher. */
  keep(publisher: string): void;
  /** That these keys may begin to sign as that publisher, of whom nothing is registered, with that list. Throws `REGISTRY_FORBIDDEN`. */
  require(publisher: string, owner: Owner, list: Metadata<"targets">): void;
  /** That a name may be offered to that publisher with these keys. Throws as `require`, also where he is known by others. */
  requireReceiver(offered: PackageName, publisher: string, keys: readonly string[]): void;
}

export function createNewcomers(database: Database, repository: Repository, now: () => number): Newcomers {
  const granted = database.query<{ readonly keys: string; readonly threshold: number }, [string]>(
    "SELECT keys, threshold FROM grants WHERE publisher = ? AND keys <> ''",
  );
  const offered = database.query<{ readonly statement: Uint8Array }, [string]>(
    "SELECT statement FROM offers WHERE CAST(statement AS TEXT) ->> '$.signed.to' = ?",
  );

  const departed = database.query<{ readonly keys: string; readonly threshold: number }, [string]>(
    "SELECT keys, threshold FROM departed WHERE publisher = ?",
  );
  function formerly(publisher: string): Owner | undefined {
    const row = departed.get(publisher);
    return row ? { keys: row.keys.split(" ").map(publicKeyOf), threshold: row.threshold } : undefined;
  }

  /**
   * Who has handed over the last of the own names is still who signed that list, and nobody else is. `keys`: to name one is no proof of having it. How
   * many had to sign is not in the list: where it was not kept, each is needed that did.
   */
  function isKnown(publisher: string, keys: readonly PublicKey[]): boolean {
    const last = repository.signedBy(publisher);
    if (!last) return false;
    const needed = formerly(publisher) ? 1 : last.signatures.length;
    if (signersOf(last, keys).length >= needed) return true;
    const whose = needed > 1 ? `with ${needed} keys, each of which is needed` : "with other keys";
    throw new RegistryError("REGISTRY_FORBIDDEN", `${publisher} is known here, and has signed ${whose}`);
  }

  /** The operator's word stands above what anybody offers. `isSame`: whether these are the keys; undefined threshold: any. */
  function requireReserved(
    publisher: string,
    isSame: (keys: readonly string[], threshold: number | undefined) => boolean,
    but?: PackageName,
  ) {
    const refuse = (who: string) =>
      new RegistryError("REGISTRY_FORBIDDEN", `the name ${publisher} is kept for who signs with other keys: ${who}`);
    const grants = granted.all(publisher);
    if (grants.some(({ keys, threshold }) => isSame(keys.split(" "), threshold))) return;
    if (grants.length > 0) throw refuse("whoever runs the registry has said with which");
    const offers = offered.all(publisher).flatMap(({ statement }) => {
      const offer = currentOffer(statement, repository, now)?.statement.signed;
      return offer && !(offer.kind === but?.kind && offer.id === but.id) ? [offer] : [];
    });
    if (offers.length > 0 && !offers.some(({ keys }) => isSame([...keys].sort(), undefined)))
      throw refuse(`${offers[0]!.id} is offered to that one`);
  }

  return {
    formerly,
    keep(publisher) {
      const owner = repository.publisher(publisher);
      if (!owner) return;
      database
        .query("INSERT OR REPLACE INTO departed (publisher, keys, threshold) VALUES (?, ?, ?)")
        .run(publisher, hexKeysOf(owner).join(" "), owner.threshold);
    },

    require(publisher, owner, list) {
      if (isKnown(publisher, signersOf(list, owner.keys))) return;
      const own = hexKeysOf(owner);
      requireReserved(publisher, (keys, threshold = owner.threshold) => Bun.deepEquals(keys, own) && threshold === owner.threshold);
    },

    requireReceiver(name, publisher, offeredKeys) {
      const own = [...offeredKeys].sort();
      const known = repository.publisher(publisher) ?? formerly(publisher);
      if (!known) {
        if (!isKnown(publisher, own.map(publicKeyOf))) requireReserved(publisher, (keys) => Bun.deepEquals(keys, own), name);
      } else if (!Bun.deepEquals(hexKeysOf(known), own))
        throw new RegistryError("REGISTRY_FORBIDDEN", `${publisher} signs with other keys here than ${name.id} is offered to`);
    },
  };
}
