/**
 * A zip, as some registries pack their skills. The format says everything twice, at the file and in the directory at the end, and lets both lie
 * anywhere: readers that believe different halves see different archives. Here both halves must agree, and the files must fill the archive one
 * behind the other, so that there is one way to read it, and nothing can lie in between, over another, or behind the end.
 */
import { inflateRawSync } from "node:zlib";
import { RegistryError } from "../error.ts";
import { checkedPath, createPaths } from "./path.ts";
import { type ArchiveEntry, type ArchiveLimits, type ArchiveParts, archiveLimits } from "./read.ts";
import { type Ending, type Entry, endingOf, entryAt, lastBytes, localAt } from "./zip-header.ts";

/** All files, once the whole archive was seen to be in order. Throws `REGISTRY_ARCHIVE_INVALID`, `REGISTRY_ARCHIVE_TOO_LARGE`, or whatever the source throws. */
export async function readZip(
  source: ArchiveParts,
  { limits = archiveLimits }: { readonly limits?: ArchiveLimits } = {},
): Promise<readonly ArchiveEntry[]> {
  const parts: Uint8Array[] = [];
  let packed = 0;
  for await (const part of source) {
    packed += part.length;
    if (packed > limits.packedBytes) throw tooLarge(`expected at most ${limits.packedBytes} bytes`);
    parts.push(part);
  }
  return filesIn(Buffer.concat(parts), limits);
}

const tooLarge = (why: string) => new RegistryError("REGISTRY_ARCHIVE_TOO_LARGE", `the archive is too large: ${why}`);
const invalid = (why: string, cause?: unknown) =>
  new RegistryError("REGISTRY_ARCHIVE_INVALID", `the zip cannot be read: ${why}`, { cause });

function filesIn(zip: Buffer, limits: ArchiveLimits): readonly ArchiveEntry[] {
  const ending = endingOf(zip);
  const entries = entriesOf(zip, ending, limits);
  const take = createPaths();
  const files: ArchiveEntry[] = [];
  let at = 0;
  for (const entry of entries) {
    const name = JSON.stringify(entry.path);
    if (entry.offset !== at) throw invalid(`${name} does not begin where the one before it ends`);
    const from = localAt(zip, entry);
    const until = from + entry.packedSize;
    if (until > ending.directory) throw invalid(`${name} is longer than its archive`);
    const bytes = unpacked(entry, zip.subarray(from, until));
    if (entry.isFolder) checkedPath(entry.path.slice(0, -1));
    else {
      take(entry.path);
      files.push({ path: entry.path, bytes });
    }
    at = until + lastBytes(zip, until, entry);
  }
  if (at !== ending.directory) throw invalid("something lies between its files and its directory");
  if (files.length === 0) throw invalid("expected at least one file");
  return files;
}

/** What its directory says, as far as that is within the limits: nothing is unpacked before. */
function entriesOf(zip: Buffer, { directory, count, end }: Ending, limits: ArchiveLimits): readonly Entry[] {
  if (count > limits.files) throw tooLarge(`expected at most ${limits.files} files, came ${count}`);
  const entries: Entry[] = [];
  let at = directory;
  let total = 0;
  for (let index = 0; index < count; index++) {
    const entry = entryAt(zip, at, end);
    total += entry.size;
    if (total > limits.unpackedBytes) throw tooLarge(`expected at most ${limits.unpackedBytes} bytes when it is unpacked`);
    entries.push(entry);
    at = entry.next;
  }
  if (at !== end) throw invalid("its directory has another length than it says");
  return entries;
}

function unpacked({ path, method, size, crc }: Entry, packed: Buffer): Uint8Array {
  const bytes = method === "stored" ? packed : inflated(path, packed, size);
  if (bytes.length !== size) throw invalid(`${JSON.stringify(path)} has ${bytes.length} bytes, where ${size} were announced`);
  if (Bun.hash.crc32(bytes) !== crc) throw invalid(`the sum of ${JSON.stringify(path)} is wrong`);
  return bytes;
}

/** Never more than was announced, whatever it would come to. */
function inflated(path: string, packed: Buffer, size: number): Uint8Array {
  let result: { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
  try {
    // Zero would be no limit at all.
    result = inflateRawSync(packed, { maxOutputLength: Math.max(size, 1), info: true }) as unknown as typeof result;
  } catch (error) {
    throw invalid(`${JSON.stringify(path)} does not unpack to the ${size} bytes that were announced`, error);
  }
  if (result.engine.bytesWritten !== packed.length) throw invalid(`something lies behind the end of ${JSON.stringify(path)}`);
  return result.buffer;
}
