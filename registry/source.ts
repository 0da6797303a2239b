/** Where the files of a registry are read: any server of static files, or a folder. */
import { createReadStream } from "node:fs";
import { isAbsolute, join } from "node:path";
import { RegistryError } from "./error.ts";
import { placeOf } from "./layout.ts";

export interface ReadOptions {
  /** Bytes beyond which the file is given up. */
  readonly limit: number;
  readonly signal?: AbortSignal;
}

/** Paths are relative, with `/`. */
export interface RegistrySource {
  /** For people. */
  readonly name: string;
  /** Throws `REGISTRY_NOT_FOUND`, `REGISTRY_TOO_LARGE`, `REGISTRY_UNREACHABLE`. */
  read(path: string, options: ReadOptions): AsyncIterable<Uint8Array>;
}

export const joined = async (parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> => Buffer.concat(await Array.fromAsync(parts));

/** What a file must be, byte for byte. */
export interface Expected {
  readonly length: number;
  /** In hex. */
  readonly sha256: string;
}

/** Hands on what comes, and ends with `REGISTRY_FILE_WRONG` unless it was that file: until the end nothing of it is certain. */
export async function* exactly(path: string, expected: Expected, parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const hash = new Bun.CryptoHasher("sha256");
  let length = 0;
  for await (const part of parts) {
    hash.update(part);
    length += part.length;
    yield part;
  }
  const sha256 = hash.digest("hex");
  if (length === expected.length && sha256 === expected.sha256) return;
  const came = `expected SHA-256 ${expected.sha256} of ${expected.length} bytes, came ${sha256} of ${length}`;
  throw new RegistryError("REGISTRY_FILE_WRONG", `${path}: ${came}`);
}

/** Ends what is read at the limit. */
export async function* upTo(limit: number, what: string, parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  let size = 0;
  for await (const part of parts) {
    size += part.length;
    if (size > limit) throw new RegistryError("REGISTRY_TOO_LARGE", `${what}: expected at most ${limit} bytes, and more come`);
    yield part;
  }
}

/** A file that a registry's metadata names, from where it lies. */
export function readTarget(
  source: RegistrySource,
  { path, length, sha256 }: Expected & { readonly path: string },
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  const parts = source.read(placeOf(path, sha256), { limit: length, ...(signal && { signal }) });
  return exactly(path, { length, sha256 }, upTo(length, path, parts));
}

export function folderSource(folder: string): RegistrySource {
  return {
    name: folder,
    async *read(path, { limit, signal }) {
      if (isAbsolute(path) || path.split("/").includes(".."))
        throw new RegistryError("REGISTRY_NOT_FOUND", `${path} is outside of ${folder}`);
      const file = join(folder, path);
      try {
        yield* upTo(limit, file, createReadStream(file, { ...(signal && { signal }) }));
      } catch (error) {
        if (error instanceof RegistryError) throw error;
        const { code } = error as NodeJS.ErrnoException;
        if (code === "ENOENT" || code === "ENOTDIR") throw new RegistryError("REGISTRY_NOT_FOUND", `there is no ${file}`, { cause: error });
        throw new RegistryError("REGISTRY_UNREACHABLE", `${file} cannot be read: ${(error as Error).message}`, { cause: error });
      }
    },
  };
}
