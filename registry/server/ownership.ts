/** A name that its publisher hands over: offered by the one, in a statement that is signed, and taken by the other, with a list that has its releases. */
import type { Database } from "bun:sqlite";
import { RegistryError } from "../error.ts";
import { checkedName, type PackageName } from "../name.ts";
import type { Repository } from "../repository/repository.ts";
import { hexKeysOf } from "../trust/owner.ts";
import { isSignedBy, parseStatement, type Statement, type Transfer } from "../trust/statement.ts";
import type { Callers } from "./callers.ts";
import { type Form, keysIn, readForm } from "./form.ts";
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
  readonly shelf: Shelf;
  readonly now: () => number;
}

export interface Ownership {
  of(name: PackageName): OwnerPage;
  /** Offers (the field `statement` alone), or takes (`publisher` and `metadata`, for one who is new `keys`). */
  post(name: PackageName, request: Request, body: Uint8Array<ArrayBuffer>): Promise<OwnerPage>;
}

export function createOwnership({ database, repository, callers, shelf, now }: OwnershipOptions): Ownership {
  const offered = database.query<{ statement: Uint8Array }, [string, string]>("SELECT statement FROM offers WHERE kind = ? AND id = ?");

  function ownerOf(name: PackageName) {
    const publisher = repository.ownerOf(name);
    const owner = publisher === undefined ? undefined : repository.publisher(publisher);
    if (publisher !== undefined && owner) return { publisher, owner };
    throw new RegistryError("REGISTRY_NOT_FOUND", `${name.kind}/${name.id} is nobody's here`);
  }

  /** What may still be taken up: of the publisher whose the name is, and not outlived by what that publisher has signed since. */
  function offerOf(name: PackageName): { readonly offer: Statement<Transfer>; readonly bytes: Uint8Array } | undefined {
    const bytes = offered.get(name.kind, name.id)?.statement;
    if (!bytes) return undefined;
    const offer = parseStatement("transfer", bytes);
    const { from, list, expires } = offer.signed;
    const isCurrent = from === repository.ownerOf(name) && list === (repository.signedBy(from)?.signed.version ?? 0);
    return isCurrent && now() < Date.parse(expires) ? { offer, bytes } : undefined;
  }

  const page = (name: PackageName): OwnerPage => {
    const { publisher, owner } = ownerOf(name);
    return { publisher, keys: hexKeysOf(owner), threshold: owner.threshold, offer: offerOf(name)?.offer ?? null };
  };

  function offer(name: PackageName, bytes: Uint8Array): void {
    const { publisher, owner } = ownerOf(name);
    const statement = parseStatement("transfer", bytes);
    const { kind, id, from, to } = statement.signed;
    if (kind !== name.kind || id !== name.id) throw new RegistryError("REGISTRY_REQUEST_INVALID", `the statement speaks of ${kind}/${id}`);
    if (from !== publisher) throw new RegistryError("REGISTRY_FORBIDDEN", `${id} is ${publisher}'s, and not ${from}'s to hand over`);
    checkedName(to);
    if (!isSignedBy(statement, owner.keys, owner.threshold))
      throw new RegistryError("REGISTRY_METADATA_UNSIGNED", `the transfer is not signed by ${publisher}`);
    database.query("INSERT OR REPLACE INTO offers (kind, id, statement) VALUES (?, ?, ?)").run(kind, id, bytes);
    if (!offerOf(name))
      throw new RegistryError("REGISTRY_METADATA_INVALID", `the transfer has expired, or speaks of another list than ${publisher}'s last`);
  }

  function take(name: PackageName, form: Form, request: Request, body: Uint8Array): void {
    const caller = callers.identify(request);
    callers.requireBody(caller, body);
    const waiting = offerOf(name);
    const publisher = checkedName(form.text("publisher"));
    if (!waiting || waiting.offer.signed.to !== publisher)
      throw new RegistryError("REGISTRY_FORBIDDEN", `${name.id} is not offered to ${publisher}`);
    const newcomer = keysIn(form);
    const keys = repository.publisher(publisher)?.keys ?? newcomer?.keys;
    if (!keys) throw new RegistryError("REGISTRY_REQUEST_INVALID", `${publisher} is new here: the field keys is missing`);
    callers.requirePublisher(caller, publisher, keys);
    repository.transfer(waiting.bytes, form.bytes("metadata"), newcomer);
    database.query("DELETE FROM offers WHERE kind = ? AND id = ?").run(name.kind, name.id);
    shelf.refresh();
  }

  return {
    of: page,
    async post(name, request, body) {
      const form = await readForm(body, request.headers.get("content-type") ?? "");
      const step = database.transaction(() =>
        form.has("statement") ? offer(name, form.bytes("statement")) : take(name, form, request, body),
      );
      step.immediate();
      return page(name);
    },
  };
}
