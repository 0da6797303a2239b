/** Other keys for a publisher, sent by one of those keys. */
import { RegistryError } from "../error.ts";
import { checkedName } from "../name.ts";
import type { Repository } from "../repository/repository.ts";
import type { Owner } from "../trust/owner.ts";
import type { Callers } from "./callers.ts";
import { keysIn, readForm } from "./form.ts";
import type { Names } from "./names.ts";
import type { Shelf } from "./shelf.ts";

export interface RekeyingOptions {
  readonly repository: Repository;
  readonly callers: Callers;
  readonly names: Names;
  readonly shelf: Shelf;
}

interface Wanted {
  readonly publisher: string;
  readonly owner: Owner;
  readonly list: Uint8Array;
  readonly statement: Uint8Array | undefined;
}

/** The fields `keys` and `metadata`, and where the keys of before have not signed that too, `statement`. Throws as `Repository.rekey`. */
export type Rekeying = (publisher: string, request: Request, body: Uint8Array<ArrayBuffer>) => Promise<void>;

export function createRekeying({ repository, callers, names, shelf }: RekeyingOptions): Rekeying {
  return async (publisher, request, body) => {
    checkedName(publisher);
    const caller = callers.identify(request);
    if (caller.token) throw new RegistryError("REGISTRY_FORBIDDEN", "a token changes no keys: sign the request with one of the new keys");
    callers.requireBody(caller, body);
    const form = await readForm(body, request.headers.get("content-type") ?? "");
    const owner = keysIn(form);
    if (!owner) throw new RegistryError("REGISTRY_REQUEST_INVALID", "the field keys is missing: which keys count from now on");
    const statement = form.has("statement") ? form.bytes("statement") : undefined;
    callers.requireSpeaker(caller, publisher, owner.keys);
    rekeyed({ repository, names }, { publisher, owner, list: form.bytes("metadata"), statement }, () =>
      callers.requirePublisher(caller, publisher, owner.keys),
    );
    shelf.refresh();
  };
}

/** `require`: what else must be, within the step that does it. Throws as `Repository.rekey`, and as that. */
export function rekeyed(
  { repository, names }: Pick<RekeyingOptions, "repository" | "names">,
  { publisher, owner, list, statement }: Wanted,
  require: () => void = () => undefined,
): void {
  const before = repository.publisher(publisher);
  if (!before) throw new RegistryError("REGISTRY_NOT_FOUND", `nothing is registered for ${publisher}`);
  // Before anything is written down: anybody may ask.
  repository.requireRekey(publisher, owner, list, statement);
  // With a statement it may be the founders' word alone, who give no names.
  names.rekey(publisher, { before, after: owner, isSigned: statement === undefined }, () => {
    require();
    repository.rekey(publisher, owner, list, statement);
  });
}
