/** Other keys for a publisher: the list of releases once more, signed by the keys of before and by those that count from now on. */
import { RegistryError } from "../error.ts";
import { lives, unsigned } from "../repository/lifetime.ts";
import { signersOf } from "../trust/envelope.ts";
import type { Signer } from "../trust/key.ts";
import { signMetadata } from "../trust/metadata.ts";
import { isSameOwner, type Owner } from "../trust/owner.ts";
import { type Persistence, persistently } from "./persistently.ts";
import type { RegistryPlace } from "./place.ts";
import { ownList, requireOwnList } from "./publish-next.ts";

export interface RekeyOptions {
  readonly place: RegistryPlace;
  readonly publisher: string;
  readonly owner: Owner;
  /** The keys of before; none where the founders' word stands in their place. */
  readonly signers: readonly Signer[];
  /** Of the new keys, as many as must sign. */
  readonly newSigners: readonly [Signer, ...Signer[]];
  readonly statement: Uint8Array<ArrayBuffer> | undefined;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** False when they count already. Throws what the registry refuses, by its code. */
export const rekeyPublisher = (
  { place, publisher, owner, signers, newSigners, statement, now }: RekeyOptions,
  persistence: Persistence,
): Promise<boolean> =>
  persistently(persistence, async () => {
    const known = await place.publisher(publisher);
    const before = ownList(known);
    if (!known?.owner || !before) throw new RegistryError("REGISTRY_NOT_FOUND", `${place.name} has no releases of ${publisher}`);
    if (isSameOwner(known.owner, owner)) return false;
    requireOwnList(place, publisher, known, signers);
    if (signersOf(known.list!, known.owner.keys).length < known.owner.threshold)
      throw new RegistryError("REGISTRY_METADATA_UNSIGNED", `${place.name} has a list of ${publisher} that ${publisher} has not signed`);
    const list = { ...unsigned("targets", before.version + 1, lives.publisher, now), targets: before.targets };
    const all = new Map([...signers, ...newSigners].map((signer) => [signer.id, signer]));
    await place.rekey(publisher, owner, signMetadata(list, [...all.values()]), statement, { signer: newSigners[0] });
    return true;
  });
