/** What a publisher signs, brought to a registry: sent to its server, or, where it is a folder, written there. */
import { resolve } from "node:path";
import type { CommandIo } from "@pincer/plugin-sdk";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { RegistryError } from "@pincer/registry/error";
import type { PackageName } from "@pincer/registry/name";
import { type Sent, send } from "@pincer/registry/publisher/send";
import { openRepository } from "@pincer/registry/repository/repository";
import type { Finding } from "@pincer/registry/scan/finding";
import { signersOf } from "@pincer/registry/trust/envelope";
import type { Signer } from "@pincer/registry/trust/key";
import { type Signed, signMetadata } from "@pincer/registry/trust/metadata";
import { keyFolderOf, onlineKey } from "./keys.ts";
import { isAddress } from "./registry-place.ts";

export interface Publication {
  /** An address, or a folder. */
  readonly to: string;
  readonly keyFolder: string | undefined;
  readonly publisher: string;
  readonly signers: readonly [Signer, ...Signer[]];
  readonly token: string | undefined;
  /** Registered for the publisher when they are nobody's yet. */
  readonly names: readonly PackageName[];
  readonly archives: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** By path, what a scan found in them: for a folder, where no server looks. */
  readonly findings?: ReadonlyMap<string, readonly Finding[]>;
  /** Undefined: nothing is left to do. */
  next(before: Signed<"targets"> | undefined): Signed<"targets"> | undefined;
}

/** Undefined when there was nothing to do. */
export async function bring(publication: Publication, io: CommandIo): Promise<Pick<Sent, "released" | "claimed"> | undefined> {
  const { to, publisher, signers, token, names, archives, findings = new Map(), next } = publication;
  if (isAddress(to))
    return send(
      {
        ...{ url: to, publisher, signers, fetch, clock: systemClock, signal: io.signal },
        ...(token !== undefined && { token }),
        onWait: (why, ms) => io.json || io.print(`  waits ${Math.ceil(ms / 1000)} s: ${why}`),
      },
      next,
      archives,
    );
  const folder = resolve(to);
  const repository = openRepository(folder, {
    online: onlineKey(keyFolderOf(folder, publication.keyFolder)),
    now: () => systemClock.now(),
  });
  const before = repository.signedBy(publisher);
  // A folder that somebody else may write to could have foreign releases signed.
  if (before && signers.some((signer) => signersOf(before, [signer]).length === 0))
    throw new RegistryError("REGISTRY_METADATA_UNSIGNED", `${folder} has a list of ${publisher} that this key has not signed`);
  const list = next(before?.signed);
  if (!list) return undefined;
  const claimed = names.filter((name) => repository.ownerOf(name) === undefined);
  const claim = { names: claimed, keys: signers, threshold: repository.publisher(publisher)?.threshold ?? signers.length };
  repository.publish(publisher, signMetadata(list, signers), archives, { ...(claimed.length > 0 && { claim }), findings });
  return { released: [], claimed };
}
