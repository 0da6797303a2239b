/** Other keys for a publisher, sent by one of those keys. */
import type { Database } from "bun:sqlite";
import { RegistryError } from "../error.ts";
import { checkedName } from "../name.ts";
import type { Repository } from "../repository/repository.ts";
import type { Callers } from "./callers.ts";
import { keysIn, readForm } from "./form.ts";
import type { Names } from "./names.ts";
import type { Shelf } from "./shelf.ts";

export interface RekeyingOptions {
  readonly database: Database;
  readonly repository: Repository;
  readonly callers: Callers;
  readonly names: Names;
  readonly shelf: Shelf;
}

/** The fields `keys` and `metadata`, and where the keys of before have not signed that too, `statement`. Throws as `Repository.rekey`. */
export type Rekeying = (publisher: string, request: Request, body: Uint8Array<ArrayBuffer>) => Promise<void>;

export function createRekeying({ database, repository, callers, names, shelf }: RekeyingOptions): Rekeying {
  return async (publisher, request, body) => {
    checkedName(publisher);
    const caller = callers.identify(request);
    if (caller.token) throw new RegistryError("REGISTRY_FORBIDDEN", "a token changes no keys: sign the request with one of the new keys");
    callers.requireBody(caller, body);
    const form = await readForm(body, request.headers.get("content-type") ?? "");
    const owner = keysIn(form);
    if (!owner) throw new RegistryError("REGISTRY_REQUEST_INVALID", "the field keys is missing: which keys count from now on");
    const step = database.transaction(() => {
      callers.requirePublisher(caller, publisher, owner.keys);
      const before = repository.publisher(publisher);
      const statement = form.has("statement") ? form.bytes("statement") : undefined;
      repository.rekey(publisher, owner, form.bytes("metadata"), statement);
      // With a statement it may be the founders' word alone, who give no names.
      if (before && !statement) names.follow(publisher, before, owner);
      shelf.refresh();
    });
    step.immediate();
  };
}
