/** Takes a name that is offered, with all its releases as they are. */
import { RegistryError } from "../error.ts";
import { folderOf, type PackageName } from "../name.ts";
import { lives, unsigned } from "../repository/lifetime.ts";
import { signersOf } from "../trust/envelope.ts";
import type { Signer } from "../trust/key.ts";
import { signMetadata } from "../trust/metadata.ts";
import { type Persistence, persistently } from "./persistently.ts";
import type { RegistryPlace, Sender } from "./place.ts";
import { ownList, requireOwnList } from "./publish-next.ts";

export interface TakeOptions {
  readonly place: RegistryPlace;
  readonly name: PackageName;
  /** Who takes it. */
  readonly publisher: string;
  readonly signers: readonly Signer[];
  readonly sender: Sender;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Answers with whose it was, and how many releases it has. Throws what the registry refuses, by its code. */
export const takeName = (
  { place, name, publisher, signers, sender, now }: TakeOptions,
  persistence: Persistence,
): Promise<{ readonly from: string; readonly releases: number }> => {
  let from = publisher;
  let releases = 0;
  return persistently(persistence, async () => {
    const owned = await place.owned(name);
    // An earlier attempt has arrived without an answer.
    if (owned?.publisher === publisher && from !== publisher) return { from, releases };
    if (owned?.offer?.signed.to !== publisher) throw new RegistryError("REGISTRY_FORBIDDEN", `${name.id} is not offered to ${publisher}`);
    from = owned.publisher;
    const theirs = await place.publisher(from);
    if (theirs?.list && signersOf(theirs.list, owned.owner.keys).length < owned.owner.threshold)
      throw new RegistryError("REGISTRY_METADATA_UNSIGNED", `${place.name} has a list of ${from} that ${from} has not signed`);
    const all = Object.entries(ownList(theirs)?.targets ?? {}).filter(([path]) => path.startsWith(`${folderOf(name)}/`));
    releases = all.length;
    const known = await place.publisher(publisher);
    requireOwnList(place, publisher, known, signers);
    const before = ownList(known);
    const list = {
      ...unsigned("targets", (before?.version ?? 0) + 1, lives.publisher, now),
      targets: { ...before?.targets, ...Object.fromEntries(all) },
    };
    const newcomer = known?.owner ? undefined : { keys: signers, threshold: signers.length };
    await place.take(name, { publisher, list: signMetadata(list, signers), newcomer }, sender);
    return { from, releases };
  });
};
