/** The records of a zip (PKWARE's APPNOTE 6.3.10, section 4.3), for the few kinds of entries that a package has. */
import { RegistryError } from "../error.ts";

export interface Entry {
  readonly path: string;
  readonly isFolder: boolean;
  readonly method: "stored" | "deflated";
  readonly packedSize: number;
  readonly size: number;
  readonly crc: number;
  /** Where it begins, and where the directory's next entry does. */
  readonly offset: number;
  readonly next: number;
  /** What stands at the file too, byte for byte: version needed, flags, method, time and date. */
  readonly common: Buffer;
  /** Sum and sizes stand behind the file, since whoever wrote it did not know them before. */
  readonly isStreamed: boolean;
  readonly name: Buffer;
}

export interface Ending {
  readonly count: number;
  /** Where the directory begins and ends. */
  readonly directory: number;
  readonly end: number;
}

const invalid = (why: string) => new RegistryError("REGISTRY_ARCHIVE_INVALID", `the zip cannot be read: ${why}`);

const signature = { local: 0x04034b50, directory: 0x02014b50, end: 0x06054b50, descriptor: 0x08074b50 } as const;
const size = { local: 30, directory: 46, end: 22 } as const;

const flag = { encrypted: 0x0001, streamed: 0x0008, utf8: 0x0800 } as const;
/** Beside those, how well it is packed. */
const knownFlags = flag.streamed | flag.utf8 | 0x0006;

/** Fields that change what the rest means. */
const refusedExtras: Readonly<Record<number, string>> = {
  1: "in the 64-bit form",
  28789: "under a second name",
  39169: "encrypted",
};

/** The kinds of a file, as Unix counts them. */
const kind = { none: 0, folder: 0o040000, file: 0o100000, link: 0o120000, mask: 0o170000 } as const;

/** The last 22 bytes: a comment behind them could be made to look like another ending. */
export function endingOf(zip: Buffer): Ending {
  const end = zip.length - size.end;
  if (end < 0 || zip.readUInt32LE(end) !== signature.end)
    throw invalid("expected its directory's end as the last of it, without a comment");
  const [disk, firstDisk, onDisk, count] = [4, 6, 8, 10].map((at) => zip.readUInt16LE(end + at)) as [number, number, number, number];
  const [length, directory] = [zip.readUInt32LE(end + 12), zip.readUInt32LE(end + 16)];
  if (count === 0xffff || directory === 0xffffffff || length === 0xffffffff)
    throw invalid("it has the 64-bit form, which a package never needs");
  if (disk !== 0 || firstDisk !== 0 || onDisk !== count) throw invalid("expected all of it in one file");
  if (zip.readUInt16LE(end + 20) !== 0) throw invalid("expected no comment");
  if (directory + length !== end) throw invalid("its directory does not lie where it says");
  return { count, directory, end };
}

/** The directory's entry there. */
export function entryAt(zip: Buffer, at: number, end: number): Entry {
  if (at + size.directory > end || zip.readUInt32LE(at) !== signature.directory) throw invalid("its directory is broken");
  const [nameLength, extraLength, commentLength, disk] = [28, 30, 32, 34].map((offset) => zip.readUInt16LE(at + offset)) as [
    number,
    number,
    number,
    number,
  ];
  const nameAt = at + size.directory;
  const next = nameAt + nameLength + extraLength + commentLength;
  if (next > end) throw invalid("its directory is broken");
  const flags = zip.readUInt16LE(at + 8);
  const name = zip.subarray(nameAt, nameAt + nameLength);
  const path = pathOf(name, flags);
  const refuse = (why: string) => invalid(`${JSON.stringify(path)} is ${why}, expected plain files and folders alone`);
  if (flags & flag.encrypted) throw refuse("encrypted");
  if (flags & ~knownFlags) throw refuse(`of a kind with the flags 0x${flags.toString(16)}`);
  if (disk !== 0) throw refuse("in another file");
  if (commentLength !== 0) throw refuse("commented");
  const methodId = zip.readUInt16LE(at + 10);
  const method = methodId === 0 ? "stored" : methodId === 8 ? "deflated" : undefined;
  if (method === undefined) throw refuse(`packed by method ${methodId}`);
  const extra = refusedExtra(zip.subarray(nameAt + nameLength, nameAt + nameLength + extraLength));
  if (extra !== undefined) throw refuse(extra);
  const isFolder = path.endsWith("/");
  const mode = (zip.readUInt32LE(at + 38) >>> 16) & kind.mask;
  if (mode !== kind.none && mode !== (isFolder ? kind.folder : kind.file))
    throw refuse(mode === kind.link ? "a symbolic link" : "of another kind than its name");
  const [crc, packedSize, fullSize, offset] = [16, 20, 24, 42].map((place) => zip.readUInt32LE(at + place)) as [
    number,
    number,
    number,
    number,
  ];
  if ([packedSize, fullSize, offset].includes(0xffffffff)) throw refuse("in the 64-bit form");
  if (isFolder && fullSize !== 0) throw refuse("a folder with a content");
  if (method === "stored" && packedSize !== fullSize) throw refuse("of two sizes");
  const common = zip.subarray(at + 6, at + 16);
  return { path, isFolder, method, packedSize, size: fullSize, crc, offset, next, common, isStreamed: (flags & flag.streamed) !== 0, name };
}

/** Where the content of an entry begins, once what stands before it was seen to say the same as the directory. */
export function localAt(zip: Buffer, { offset, path, name, common, isStreamed, crc, packedSize, size: fullSize }: Entry): number {
  const differ = () => invalid(`what is said of ${JSON.stringify(path)} at the file differs from the directory`);
  if (offset + size.local > zip.length || zip.readUInt32LE(offset) !== signature.local) throw differ();
  if (!zip.subarray(offset + 4, offset + 14).equals(common)) throw differ();
  const sums = [14, 18, 22].map((place) => zip.readUInt32LE(offset + place));
  const said = [crc, packedSize, fullSize];
  const isEmpty = isStreamed && sums.every((sum) => sum === 0);
  if (!isEmpty && sums.some((sum, index) => sum !== said[index])) throw differ();
  const [nameLength, extraLength] = [zip.readUInt16LE(offset + 26), zip.readUInt16LE(offset + 28)];
  const nameAt = offset + size.local;
  const from = nameAt + nameLength + extraLength;
  if (from > zip.length || !zip.subarray(nameAt, nameAt + nameLength).equals(name)) throw differ();
  if (refusedExtra(zip.subarray(nameAt + nameLength, from)) !== undefined) throw differ();
  return from;
}

/** How long the sum and sizes behind a content are, once they were seen to be the same. */
export function lastBytes(zip: Buffer, at: number, { path, isStreamed, crc, packedSize, size: fullSize }: Entry): number {
  if (!isStreamed) return 0;
  const differ = () => invalid(`what is said of ${JSON.stringify(path)} behind it differs from the directory`);
  const lead = at + 4 <= zip.length && zip.readUInt32LE(at) === signature.descriptor ? 4 : 0;
  if (at + lead + 12 > zip.length) throw differ();
  const sums = [0, 4, 8].map((place) => zip.readUInt32LE(at + lead + place));
  if ([crc, packedSize, fullSize].some((sum, index) => sum !== sums[index])) throw differ();
  return lead + 12;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Without the flag a name is in the code page of whoever made it, of which only ASCII is sure. */
function pathOf(name: Buffer, flags: number): string {
  if (!(flags & flag.utf8) && name.some((byte) => byte > 0x7e)) throw invalid("a name is in an unknown character set, expected UTF-8");
  try {
    return utf8.decode(name);
  } catch {
    throw invalid("a name is no UTF-8");
  }
}

/** What stands in it that is not taken; undefined when there is nothing of that kind. */
function refusedExtra(extra: Buffer): string | undefined {
  let at = 0;
  while (at < extra.length) {
    if (at + 4 > extra.length) return "described by a broken field";
    const refused = refusedExtras[extra.readUInt16LE(at)];
    if (refused !== undefined) return refused;
    at += 4 + extra.readUInt16LE(at + 2);
  }
  return at === extra.length ? undefined : "described by a broken field";
}
