/** What a publisher signs next, over what the registry has. */
import { RegistryError } from "../error.ts";
import type { Finding } from "../scan/finding.ts";
import { signersOf } from "../trust/envelope.ts";
import type { Signer } from "../trust/key.ts";
import { type Signed, signMetadata } from "../trust/metadata.ts";
import { type Persistence, persistently } from "./persistently.ts";
import type { Registered, RegistryPlace, Sender, Sent } from "./place.ts";

type List = Signed<"targets">;

export interface Publication {
  readonly place: RegistryPlace;
  readonly publisher: string;
  /** As many as must sign. */
  readonly signers: readonly Signer[];
  readonly sender: Sender;
  /** By path; those that are there already are not sent. */
  readonly archives: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** By path, what a scan found in them: for a folder, where no server looks. */
  readonly findings?: ReadonlyMap<string, readonly Finding[]>;
  /** Undefined: nothing is left to do, perhaps because an earlier attempt has arrived without an answer. */
  next(before: List | undefined): List | undefined;
}

/** Undefined when there was nothing to do. Throws what the registry refuses, by its code. */
export const publishNext = (
  { place, publisher, signers, sender, archives, findings = new Map(), next }: Publication,
  persistence: Persistence,
): Promise<Sent | undefined> =>
  persistently(persistence, async () => {
    const known = await place.publisher(publisher);
    requireOwnList(place, publisher, known, signers);
    const before = ownList(known);
    const list = next(before);
    if (!list) return undefined;
    return place.publish(
      {
        publisher,
        list: signMetadata(list, signers),
        newcomer: known?.owner ? undefined : { keys: signers, threshold: signers.length },
        archives: new Map([...archives].filter(([path]) => before?.targets[path] === undefined)),
        findings,
      },
      sender,
    );
  });

/** The last one, of what is still the publisher's. */
export function ownList(known: Registered | undefined): List | undefined {
  if (!known?.list) return undefined;
  const { signed } = known.list;
  return { ...signed, targets: Object.fromEntries(Object.entries(signed.targets).filter(([path]) => !known.handedOver.includes(path))) };
}

/** A list is built upon only when these keys have signed it: else whoever holds the registry could have foreign releases signed. */
export function requireOwnList(
  { name }: RegistryPlace,
  publisher: string,
  known: Registered | undefined,
  signers: readonly Signer[],
): void {
  if (!known?.list || signers.every((signer) => signersOf(known.list!, [signer]).length > 0)) return;
  throw new RegistryError(
    "REGISTRY_METADATA_UNSIGNED",
    `${name} has a list of ${publisher} that this key has not signed: another key signs as ${publisher} there`,
  );
}
