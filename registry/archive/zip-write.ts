/** A zip of a package, for those who take no other archive. The same files give the same bytes, in any order and at any time. */
import type { ArchiveEntry } from "./read.ts";

/** The first that the format can tell: 1980-01-01, midnight. */
const epoch = { time: 0, date: 0x21 } as const;
const utf8Names = 0x0800;
const unixFile = (0o100644 << 16) >>> 0;

export function writeZip(files: readonly ArchiveEntry[]): Uint8Array<ArrayBuffer> {
  const written: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { path, bytes } of [...files].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const name = Buffer.from(path);
    // Of libdeflate every machine's output is the same; zlib chooses its hash by the processor.
    const deflated = Bun.deflateSync(Buffer.from(bytes), { library: "libdeflate", level: 9 });
    const isSmaller = deflated.length < bytes.length;
    const content = Buffer.from(isSmaller ? deflated : bytes);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(utf8Names, 2);
    common.writeUInt16LE(isSmaller ? 8 : 0, 4);
    common.writeUInt16LE(epoch.time, 6);
    common.writeUInt16LE(epoch.date, 8);
    common.writeUInt32LE(Bun.hash.crc32(bytes), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, name, content]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(unixFile, 6);
    rest.writeUInt32LE(at, 10);
    // Made by Unix, so that the mode counts.
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02"), Buffer.from([20, 3]), common, rest, name]));
    written.push(local);
    at += local.length;
  }
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(
    directory.reduce((length, entry) => length + entry.length, 0),
    12,
  );
  end.writeUInt32LE(at, 16);
  return new Uint8Array(Buffer.concat([...written, ...directory, end]));
}
