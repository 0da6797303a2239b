/** What a publisher sends: the list that it has signed, and the archives that are new in it, as `multipart/form-data`. */
import { RegistryError } from "../error.ts";
import { checkedName, releaseAt } from "../name.ts";
import { readNotes } from "../notes.ts";
import { type Metadata, parseMetadata } from "../trust/metadata.ts";
import type { Owner } from "../trust/owner.ts";
import { publisherRole } from "../trust/role.ts";
import { keysIn, readForm } from "./form.ts";

export interface Publication {
  readonly publisher: string;
  readonly bytes: Uint8Array;
  readonly list: Metadata<"targets">;
  /** Of a publisher who is new here. */
  readonly keys: Owner | undefined;
  /** By path. */
  readonly archives: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

const refuse = (why: string) => new RegistryError("REGISTRY_REQUEST_INVALID", `the publication: ${why}`);

/** Throws `REGISTRY_REQUEST_INVALID`, `REGISTRY_METADATA_INVALID`, `REGISTRY_NAME_INVALID`. */
export async function readPublication(body: Uint8Array<ArrayBuffer>, contentType: string): Promise<Publication> {
  const form = await readForm(body, contentType);
  const publisher = checkedName(form.text("publisher"));
  const bytes = form.bytes("metadata");
  const archives = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const name of form.names.filter((one) => !["publisher", "metadata", "keys"].includes(one))) {
    if (!releaseAt(name))
      throw refuse(
        `expected publisher, metadata, keys and paths of releases as names of fields, came ${JSON.stringify(name.slice(0, 100))}`,
      );
    archives.set(name, form.bytes(name));
  }
  const list = parseMetadata("targets", publisherRole(publisher), bytes);
  if (Object.keys(list.signed.targets).length === 0) throw refuse("the list holds no release");
  requireOneOfEachTag(list);
  return { publisher, bytes, list, keys: keysIn(form), archives };
}

/** A tag points at one release of a package. */
function requireOneOfEachTag(list: Metadata<"targets">): void {
  const seen = new Map<string, string>();
  for (const [path, { custom }] of Object.entries(list.signed.targets))
    for (const tag of readNotes(custom, path).tags ?? []) {
      const place = `${path.slice(0, path.lastIndexOf("/"))} ${tag}`;
      if (seen.has(place)) throw refuse(`the tag ${tag} points at ${seen.get(place)} and at ${path}`);
      seen.set(place, path);
    }
}
