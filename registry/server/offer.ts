/** A name that is offered to another publisher: whether it may still be taken up. */
import type { Repository } from "../repository/repository.ts";
import { parseStatement, type Statement, type Transfer } from "../trust/statement.ts";

export interface Offer {
  readonly statement: Statement<Transfer>;
  readonly bytes: Uint8Array;
}

/** Of the publisher whose the name is, and not outlived by what that publisher has signed since; undefined for any other. */
export function currentOffer(bytes: Uint8Array, repository: Repository, now: () => number): Offer | undefined {
  const statement = parseStatement("transfer", bytes);
  const { kind, id, from, list, expires } = statement.signed;
  const isCurrent = from === repository.ownerOf({ kind, id }) && list === (repository.signedBy(from)?.signed.version ?? 0);
  return isCurrent && now() < Date.parse(expires) ? { statement, bytes } : undefined;
}
