/**
 * An archive, read while it comes: a tar in gzip, checked before anything of it is kept. What a plugin or a skill consists of is files; links,
 * devices and everything else that a tar can hold are refused, and so is what grows beyond its limits, before it has grown.
 */
import { createGunzip } from "node:zlib";
import { RegistryError } from "../error.ts";
import { createPaths } from "./path.ts";
import { type Header, headerOf, recordsOf } from "./tar.ts";

export interface ArchiveLimits {
  /** Of the archive as it comes, in bytes. */
  readonly packedBytes: number;
  /** Of all files together, in bytes. */
  readonly unpackedBytes: number;
  readonly files: number;
}

export const archiveLimits: ArchiveLimits = { packedBytes: 16 * 2 ** 20, unpackedBytes: 64 * 2 ** 20, files: 5_000 };

export interface ArchiveEntry {
  /** Relative, with `/`, checked. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

interface ReadOptions {
  readonly limits?: ArchiveLimits;
  /** A folder that every path begins with, as in packages of npm (`package`): left out of the paths. */
  readonly inside?: string;
}

/** As they come, or all of it at once. */
export type ArchiveParts = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * All files, once the whole archive was seen to be in order. Throws `REGISTRY_ARCHIVE_INVALID`, `REGISTRY_ARCHIVE_TOO_LARGE`, or whatever the source
 * throws: also when it does so at its very end, nothing of it is handed out.
 */
export async function readArchive(source: ArchiveParts, options: ReadOptions = {}): Promise<readonly ArchiveEntry[]> {
  const { limits = archiveLimits, inside } = options;
  const tar = createTarReader(limits, inside);
  const gunzip = createGunzip();
  let failure: unknown;
  const unpacked = (async () => {
    for await (const chunk of gunzip as AsyncIterable<Uint8Array>) tar.take(chunk);
  })().catch((error) => {
    failure = error;
  });
  const check = () => {
    if (failure !== undefined) throw failure;
  };
  let packed = 0;
  try {
    for await (const chunk of source) {
      packed += chunk.length;
      if (packed > limits.packedBytes) throw tooLarge(`expected at most ${limits.packedBytes} bytes`);
      if (!gunzip.write(chunk)) await Promise.race([new Promise((resolve) => gunzip.once("drain", resolve)), unpacked]);
      check();
    }
    gunzip.end();
    await unpacked;
    check();
  } catch (error) {
    gunzip.destroy();
    if (error instanceof RegistryError) throw error;
    if (isZlib(error)) throw new RegistryError("REGISTRY_ARCHIVE_INVALID", `expected a gzip: ${error.message}`, { cause: error });
    throw error;
  }
  return tar.end();
}

const tooLarge = (why: string) => new RegistryError("REGISTRY_ARCHIVE_TOO_LARGE", `the archive is too large: ${why}`);
const invalid = (why: string) => new RegistryError("REGISTRY_ARCHIVE_INVALID", `the archive cannot be read: ${why}`);
const isZlib = (error: unknown): error is Error => error instanceof Error && "code" in error && /^(Z_|ERR_)/.test(String(error.code));

const block = 512;

/** What a header of an extension (pax) may at most hold. */
const longestExtension = 64 * 1024;

function createTarReader(limits: ArchiveLimits, inside: string | undefined) {
  const found: ArchiveEntry[] = [];
  const take = createPaths();
  const pending = Buffer.allocUnsafe(block);
  let pendingBytes = 0;
  let total = 0;
  /** The file or extension whose content comes, and how much of it and of what fills its last block is to come. */
  let open: { readonly header: Header; readonly bytes: Buffer; filled: number } | undefined;
  let filler = 0;
  let endBlocks = 0;
  let extended: ReadonlyMap<string, string> = new Map();

  function begin(header: Header): void {
    const limit = header.type === "extension" || header.type === "global" ? longestExtension : limits.unpackedBytes;
    if (header.size > limit) throw tooLarge(`expected at most ${limit} bytes of ${JSON.stringify(header.path)}, came ${header.size}`);
    total += header.size;
    if (total > limits.unpackedBytes) throw tooLarge(`expected at most ${limits.unpackedBytes} bytes when it is unpacked`);
    if (found.length >= limits.files) throw tooLarge(`expected at most ${limits.files} files`);
    open = { header, bytes: Buffer.allocUnsafe(header.size), filled: 0 };
    filler = (block - (header.size % block)) % block;
    if (header.size === 0) finish();
  }

  function finish(): void {
    const { header, bytes } = open!;
    open = undefined;
    if (header.type === "extension") {
      extended = recordsOf(bytes);
      return;
    }
    // A global header of an archive that git made names the commit; nothing of it counts.
    if (header.type === "global") return;
    const path = extended.get("path") ?? header.path;
    extended = new Map();
    if (header.type === "folder") return;
    const own = inside === undefined ? path : path.startsWith(`${inside}/`) ? path.slice(inside.length + 1) : undefined;
    if (own === undefined) throw invalid(`expected everything in ${inside}/, came ${JSON.stringify(path)}`);
    take(own);
    found.push({ path: own, bytes });
  }

  function takeBlock(bytes: Buffer): void {
    if (bytes.every((byte) => byte === 0)) {
      endBlocks++;
      return;
    }
    if (endBlocks > 0) throw invalid("expected nothing after its end");
    const size = extended.get("size");
    const header = headerOf(bytes);
    if (size !== undefined && header.type === "file" && String(header.size) !== size)
      throw invalid(`${JSON.stringify(header.path)} has two sizes, ${header.size} and ${size}`);
    begin(header);
  }

  return {
    take(chunk: Uint8Array): void {
      let at = 0;
      while (at < chunk.length) {
        if (open) {
          const part = chunk.subarray(at, at + open.bytes.length - open.filled);
          open.bytes.set(part, open.filled);
          open.filled += part.length;
          at += part.length;
          if (open.filled === open.bytes.length) finish();
        } else if (filler > 0) {
          const skipped = Math.min(filler, chunk.length - at);
          filler -= skipped;
          at += skipped;
        } else {
          const part = chunk.subarray(at, at + block - pendingBytes);
          pending.set(part, pendingBytes);
          pendingBytes += part.length;
          at += part.length;
          if (pendingBytes < block) continue;
          pendingBytes = 0;
          takeBlock(pending);
        }
      }
    },
    end(): readonly ArchiveEntry[] {
      if (open || filler > 0 || pendingBytes > 0 || endBlocks < 2) throw invalid("it ends in the middle");
      if (found.length === 0) throw invalid("expected at least one file");
      return found;
    },
  };
}
