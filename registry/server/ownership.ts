/** Whose a name is, and what changes that: it is offered by the one, in a statement that is signed, and taken by the other, with a list that has its releases. */
import type { Database } from "bun:sqlite";
import { RegistryError } from "../error.ts";
import { checkedName, type PackageName } from "../name.ts";
import type { Repository } from "../repository/repository.ts";
import { parseMetadata } from "../trust/metadata.ts";
import { hexKeysOf } from "../trust/owner.ts";
import { publisherRole } from "../trust/role.ts";
import type { Statement, Transfer } from "../trust/statement.ts";
import type { Callers } from "./callers.ts";
import { keysIn, readForm } from "./form.ts";
import type { Newcomers } from "./newcomers.ts";
import { createOffers } from "./offers.ts";
import type { Shelf } from "./shelf.ts";

export interface OwnerPage {
  readonly publisher: string;
  /** In hex. */
  readonly keys: readonly string[];
  readonly threshold: number;
  /** What its publisher wants, signed, until somebody takes it or it expires. */
  readonly offer: Statement<Transfer> | null;
}

export interface OwnershipOptions {
  readonly database: Database;
  readonly repository: Repository;
  readonly callers: Callers;
  readonly newcomers: Newcomers;
  readonly shelf: Shelf;
  readonly now: () => number;
}

export interface Ownership {
  of(name: PackageName): OwnerPage;
  offers(): { readonly offers: readonly Transfer[] };
  /** Offers (the field `statement` alone), or takes (`publisher` and `metadata`, for one who is new `keys`). */
  post(name: PackageName, request: Request, body: Uint8Array<ArrayBuffer>): Promise<OwnerPage>;
}

export function createOwnership({ database, repository, callers, newcomers, shelf, now }: OwnershipOptions): Ownership {
  const offers = createOffers(database, repository, newcomers, now);

  const page = (name: PackageName): OwnerPage => {
    const publisher = repository.ownerOf(name);
    const owner = publisher === undefined ? undefined : repository.publisher(publisher);
    if (!owner) throw new RegistryError("REGISTRY_NOT_FOUND", `${name.kind}/${name.id} is nobody's here`);
    return { publisher: publisher!, keys: hexKeysOf(owner), threshold: owner.threshold, offer: offers.of(name)?.statement ?? null };
  };

  return {
    of: page,
    offers: () => ({ offers: offers.all() }),
    async post(name, request, body) {
      const form = await readForm(body, request.headers.get("content-type") ?? "");
      const offer = () => offers.put(name, form.bytes("statement"));
      const take = () => {
        const caller = callers.identify(request);
        callers.requireBody(caller, body);
        const publisher = checkedName(form.text("publisher"));
        const known = repository.publisher(publisher);
        const newcomer = newcomers.formerly(publisher) ?? keysIn(form);
        const owner = known ?? newcomer;
        if (!owner) throw new RegistryError("REGISTRY_REQUEST_INVALID", `${publisher} is new here: the field keys is missing`);
        callers.requirePublisher(caller, publisher, owner.keys);
        const list = form.bytes("metadata");
        if (!known) newcomers.require(publisher, owner, parseMetadata("targets", publisherRole(publisher), list));
        offers.take(name, publisher, (statement) => repository.transfer(statement, list, newcomer));
        shelf.refresh();
      };
      database.transaction(form.has("statement") ? offer : take).immediate();
      return page(name);
    },
  };
}
