/**
 * A registry in one file, a tar, as it is carried to where no network is. Nothing of it is unpacked: what its headers say is looked at once, and each
 * file is read where it lies, as far as whoever asks for it expects. What it holds is believed no more than what any other source says.
 */
import { type FileHandle, open } from "node:fs/promises";
import { createPaths } from "./archive/path.ts";
import { headerOf, recordsOf } from "./archive/tar.ts";
import { RegistryError } from "./error.ts";
import { type RegistrySource, upTo } from "./source.ts";

interface Place {
  readonly at: number;
  readonly size: number;
}

const block = 512;
const chunk = 256 * 1024;
/** For a name. */
const longestExtension = 4096;

/** Throws `REGISTRY_ARCHIVE_INVALID` for what is no tar of files alone, and `REGISTRY_UNREACHABLE` where it cannot be read. */
export async function tarSource(file: string): Promise<RegistrySource> {
  const places = await placesIn(file);
  return {
    name: file,
    async *read(path, { limit, signal }) {
      const place = places.get(path);
      if (!place) throw new RegistryError("REGISTRY_NOT_FOUND", `there is no ${path} in ${file}`);
      yield* upTo(limit, `${path} in ${file}`, partsOf(file, place, signal));
    },
  };
}

async function* partsOf(file: string, { at, size }: Place, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, void> {
  await using handle = await opened(file);
  for (let read = 0; read < size; ) {
    signal?.throwIfAborted();
    const part = Buffer.allocUnsafe(Math.min(chunk, size - read));
    const { bytesRead } = await handle.read(part, 0, part.length, at + read);
    if (bytesRead === 0) throw invalid(file, "it ends in the middle");
    read += bytesRead;
    yield part.subarray(0, bytesRead);
  }
}

const invalid = (file: string, why: string) => new RegistryError("REGISTRY_ARCHIVE_INVALID", `${file} cannot be read: ${why}`);

async function opened(file: string): Promise<FileHandle> {
  try {
    return await open(file);
  } catch (error) {
    throw new RegistryError("REGISTRY_UNREACHABLE", `${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

async function placesIn(file: string): Promise<ReadonlyMap<string, Place>> {
  await using handle = await opened(file);
  const { size: length } = await handle.stat();
  const places = new Map<string, Place>();
  const take = createPaths();
  const bytes = Buffer.alloc(block);
  let named: string | undefined;
  for (let at = 0; at + block <= length; ) {
    await handle.read(bytes, 0, block, at);
    if (bytes.every((byte) => byte === 0)) return places;
    const { type, path, size } = headerOf(bytes);
    at += block;
    if (at + size > length) throw invalid(file, "it ends in the middle");
    if (type === "extension" && size <= longestExtension) {
      const records = Buffer.alloc(size);
      await handle.read(records, 0, size, at);
      named = recordsOf(records).get("path");
    } else if (type === "file") {
      const own = named ?? path;
      named = undefined;
      take(own);
      places.set(own, { at, size });
    } else throw invalid(file, `${JSON.stringify(path)} is no file`);
    at += Math.ceil(size / block) * block;
  }
  throw invalid(file, "it ends in the middle");
}
