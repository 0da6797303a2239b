/** What a publisher sends: the list that it has signed, and the archives that are new in it, as `multipart/form-data`. */
import { type ArchiveEntry, readArchive } from "../archive/read.ts";
import { RegistryError } from "../error.ts";
import { readManifest } from "../manifest.ts";
import { checkedName, type Release, releaseAt } from "../name.ts";
import { readNotes } from "../notes.ts";
import { type PublicKey, publicKeyOf } from "../trust/key.ts";
import { type Metadata, parseMetadata } from "../trust/metadata.ts";
import { publisherRole } from "../trust/role.ts";

export interface Publication {
  readonly publisher: string;
  readonly bytes: Uint8Array;
  readonly list: Metadata<"targets">;
  /** Of a publisher who is new here. */
  readonly keys: { readonly keys: readonly PublicKey[]; readonly threshold: number } | undefined;
  /** By path. */
  readonly archives: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

const refuse = (why: string) => new RegistryError("REGISTRY_REQUEST_INVALID", `the publication: ${why}`);

/** Throws `REGISTRY_REQUEST_INVALID`, `REGISTRY_METADATA_INVALID`, `REGISTRY_NAME_INVALID`. */
export async function readPublication(body: Uint8Array<ArrayBuffer>, contentType: string): Promise<Publication> {
  if (!/^multipart\/form-data;/i.test(contentType)) throw refuse(`expected multipart/form-data, came ${contentType || "no content type"}`);
  let form: FormData;
  try {
    form = await new Response(body, { headers: { "content-type": contentType } }).formData();
  } catch (error) {
    throw refuse(`expected multipart/form-data: ${error instanceof Error ? error.message : String(error)}`);
  }
  const fields = [...form];
  const names = fields.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw refuse(`the field ${JSON.stringify(twice)} comes twice`);
  const publisher = checkedName(await textOf(form, "publisher"));
  const bytes = await bytesOf(form, "metadata");
  const archives = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const name of names.filter((one) => !["publisher", "metadata", "keys"].includes(one))) {
    if (!releaseAt(name))
      throw refuse(
        `expected publisher, metadata, keys and paths of releases as names of fields, came ${JSON.stringify(name.slice(0, 100))}`,
      );
    archives.set(name, await bytesOf(form, name));
  }
  const list = parseMetadata("targets", publisherRole(publisher), bytes);
  if (Object.keys(list.signed.targets).length === 0) throw refuse("the list holds no release");
  const keys = form.has("keys") ? keysIn(await textOf(form, "keys")) : undefined;
  return { publisher, bytes, list, keys, archives };
}

async function bytesOf(form: FormData, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const field = form.get(name);
  if (field === null) throw refuse(`the field ${name} is missing`);
  return typeof field === "string" ? new TextEncoder().encode(field) : new Uint8Array(await field.arrayBuffer());
}
const textOf = async (form: FormData, name: string): Promise<string> => Buffer.from(await bytesOf(form, name)).toString("utf8");

function keysIn(text: string): NonNullable<Publication["keys"]> {
  const expected = 'expected keys as {"keys": [public keys in hex], "threshold": how many must sign}';
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw refuse(expected);
  }
  const { keys, threshold = 1 } = (json ?? {}) as { readonly keys?: unknown; readonly threshold?: unknown };
  const isKey = (key: unknown): key is string => typeof key === "string" && /^[0-9a-f]{64}$/.test(key);
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > 16 || !keys.every(isKey) || new Set(keys).size !== keys.length)
    throw refuse(expected);
  if (typeof threshold !== "number" || !Number.isInteger(threshold) || threshold < 1 || threshold > keys.length) throw refuse(expected);
  return { keys: keys.map(publicKeyOf), threshold };
}

export interface Unpacked {
  readonly release: Release;
  readonly files: readonly ArchiveEntry[];
}

/** An archive's files, once they are those that its path and its notes speak of. Throws `REGISTRY_ARCHIVE_*`. */
export async function unpackRelease(path: string, archive: Uint8Array, custom: unknown): Promise<Unpacked> {
  const release = releaseAt(path)!;
  const files = await readArchive(
    (async function* () {
      yield archive;
    })(),
  );
  const manifest = readManifest(release.kind, files);
  const wrong = (what: string, expected: string, came: string) =>
    new RegistryError("REGISTRY_ARCHIVE_INVALID", `${path}: expected ${what} ${expected} in its ${manifest.file}, came ${came}`);
  if (manifest.id !== release.id) throw wrong("the id", release.id, manifest.id);
  if (manifest.version !== undefined && manifest.version !== release.version) throw wrong("the version", release.version, manifest.version);
  const notes = readNotes(custom, path);
  if (notes.manifest !== manifest.sha256)
    throw new RegistryError("REGISTRY_ARCHIVE_INVALID", `${path}: its notes speak of another ${manifest.file} than the one in the archive`);
  return { release, files };
}
