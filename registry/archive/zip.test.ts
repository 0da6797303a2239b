import { expect, test } from "bun:test";
import { deflateRawSync } from "node:zlib";
import { Zip, ZipDeflate, zipSync } from "fflate";
import { readZip } from "./zip.ts";
import { writeZip } from "./zip-write.ts";

async function* inChunks(bytes: Uint8Array, size = bytes.length): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const file = (path: string, text = path) => ({ path, bytes: Buffer.from(text) });
const read = (bytes: Uint8Array, options?: Parameters<typeof readZip>[1]) => readZip(inChunks(bytes), options);
const texts = (files: readonly { readonly path: string; readonly bytes: Uint8Array }[]) =>
  files.map(({ path, bytes }) => [path, String(Buffer.from(bytes))]);
const refusal = (code: string, message: string) => ({ code, message: expect.stringContaining(message) });
const invalid = (message: string) => refusal("REGISTRY_ARCHIVE_INVALID", message);

interface Entry {
  readonly path: string;
  readonly body?: string | Uint8Array;
  /** What is said of it in both places, or in one of them alone. */
  readonly flags?: number;
  readonly method?: number;
  readonly size?: number;
  readonly crc?: number;
  readonly mode?: number;
  readonly extra?: Buffer;
  readonly local?: Partial<Pick<Entry, "path" | "flags" | "method" | "size" | "crc">>;
  readonly offset?: number;
  /** Bytes behind its content. */
  readonly behind?: Buffer;
}

/** A zip that no tool would make. */
function zipOf(entries: readonly Entry[], { between = "", comment = "", count = entries.length, disk = 0, length = 0 } = {}): Uint8Array {
  const written: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const entry of entries) {
    const {
      path,
      body = "",
      flags = 0x0800,
      method = 0,
      mode = 0o100644,
      extra = Buffer.alloc(0),
      local = {},
      behind = Buffer.alloc(0),
    } = entry;
    const content = Buffer.from(body as Uint8Array);
    const { size = content.length, crc = Bun.hash.crc32(content) } = entry;
    const common = (said: Required<NonNullable<Entry["local"]>>) => {
      const head = Buffer.alloc(26);
      head.writeUInt16LE(20, 0);
      head.writeUInt16LE(said.flags, 2);
      head.writeUInt16LE(said.method, 4);
      head.writeUInt32LE(said.crc, 10);
      head.writeUInt32LE(content.length, 14);
      head.writeUInt32LE(said.size, 18);
      head.writeUInt16LE(Buffer.byteLength(said.path), 22);
      head.writeUInt16LE(extra.length, 24);
      return head;
    };
    const said = { path, flags, method, size, crc };
    const there = { ...said, ...local };
    const bytes = Buffer.concat([Buffer.from("PK\x03\x04"), common(there), Buffer.from(there.path), extra, content, behind]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE((mode << 16) >>> 0, 6);
    rest.writeUInt32LE(entry.offset ?? at, 10);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02"), Buffer.from([20, 3]), common(said), rest, Buffer.from(path), extra]));
    written.push(bytes);
    at += bytes.length;
  }
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(disk, 4);
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(Buffer.concat(directory).length + length, 12);
  end.writeUInt32LE(at + between.length, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...written, Buffer.from(between), ...directory, end, Buffer.from(comment)]);
}

for (const size of [1, 7, 100_000])
  test(`what was written comes out, in pieces of ${size} bytes`, async () => {
    const files = [file("a/b/c.md", "x".repeat(3000)), file("empty", ""), file("ende.md", "Grüße"), file("über.md", "y")];
    expect(texts(await readZip(inChunks(writeZip(files), size)))).toEqual(texts(files));
  });

test("the same files give the same zip, in whatever order they come", () => {
  const files = [file("b", "x".repeat(1000)), file("a"), file("c/d")];
  expect(writeZip(files)).toEqual(writeZip(files.toReversed()));
});

test("what others write is read: packed and stored, with folders, with the sums before a file or behind it", async () => {
  const content = { "SKILL.md": Buffer.from("z".repeat(500)), "empty/": Buffer.alloc(0), "scripts/run.sh": Buffer.from("echo hello") };
  const expected = [
    ["SKILL.md", "z".repeat(500)],
    ["scripts/run.sh", "echo hello"],
  ];
  for (const level of [0, 6] as const) expect(texts(await read(zipSync(content, { level })))).toEqual(expected);
  const streamed: Uint8Array[] = [];
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    streamed.push(chunk);
  });
  for (const [name, bytes] of Object.entries(content)) {
    if (name.endsWith("/")) continue;
    const one = new ZipDeflate(name, { level: 6 });
    zip.add(one);
    one.push(bytes, true);
  }
  zip.end();
  expect(texts(await read(Buffer.concat(streamed)))).toEqual(expected);
});

test("a zip that leads out of its folder, or that two systems would unpack in two ways, is refused", async () => {
  for (const path of ["../up", "/root", "a/../../up", "a\\b", "C:x", "nul", "a//b", "./a", "a ", "a\u202eb", "../"])
    await expect(read(zipOf([{ path }]))).rejects.toMatchObject({ code: "REGISTRY_ARCHIVE_INVALID" });
  for (const [one, other] of [
    ["a", "a"],
    ["README.md", "readme.md"],
    ["a", "A/b"],
  ] as const)
    await expect(read(zipOf([{ path: one }, { path: other }]))).rejects.toMatchObject(invalid("twice, or also as a folder"));
});

test("links, devices, encrypted files, and forms that a package does not need are refused", async () => {
  const field = (id: number) => Buffer.from([id & 255, id >> 8, 1, 0, 0]);
  for (const [entry, message] of [
    [{ path: "a", body: "/etc/passwd", mode: 0o120777 }, "a symbolic link"],
    [{ path: "a", mode: 0o060644 }, "of another kind"],
    [{ path: "a/", mode: 0o100644 }, "of another kind"],
    [{ path: "a/", body: "x", mode: 0o040755 }, "a folder with a content"],
    [{ path: "a", flags: 0x0801 }, "encrypted"],
    [{ path: "a", flags: 0x2800 }, "of a kind with the flags 0x2800"],
    [{ path: "a", method: 12 }, "packed by method 12"],
    [{ path: "a", extra: field(0x0001) }, "64-bit"],
    [{ path: "a", extra: field(0x7075) }, "under a second name"],
    [{ path: "a", extra: field(0x9901) }, "encrypted"],
    [{ path: "a", extra: Buffer.from([1, 2, 9, 0]) }, "a broken field"],
    [{ path: "a", size: 0xffffffff }, "64-bit"],
    [{ path: "grün", flags: 0 }, "unknown character set"],
  ] as const)
    await expect(read(zipOf([entry]))).rejects.toMatchObject(invalid(message));
  await expect(read(zipOf([{ path: "a" }], { count: 0xffff }))).rejects.toMatchObject(invalid("64-bit"));
  await expect(read(zipOf([{ path: "a" }], { disk: 1 }))).rejects.toMatchObject(invalid("all of it in one file"));
  await expect(read(zipOf([{ path: "a" }], { comment: "hello" }))).rejects.toMatchObject(invalid("without a comment"));
  await expect(read(zipOf([]))).rejects.toMatchObject(invalid("at least one file"));
});

test("what says one thing at the file and another in the directory is refused, and so is what lies between, over or behind files", async () => {
  for (const local of [{ path: "b" }, { flags: 0 }, { method: 8 }, { size: 7 }, { crc: 7 }])
    await expect(read(zipOf([{ path: "a", body: "hello", local }]))).rejects.toMatchObject(invalid("differs from the directory"));
  const streamed: Entry = { path: "a", body: "hello", flags: 0x0808, local: { crc: 0, size: 0 }, behind: Buffer.alloc(16) };
  await expect(read(zipOf([streamed]))).rejects.toMatchObject(invalid("differs from the directory"));
  await expect(read(zipOf([{ path: "a", behind: Buffer.from("hidden") }]))).rejects.toMatchObject(invalid("lies between"));
  await expect(read(zipOf([{ path: "a" }], { between: "hidden" }))).rejects.toMatchObject(invalid("lies between"));
  await expect(read(zipOf([{ path: "a" }, { path: "b", offset: 0 }]))).rejects.toMatchObject(invalid("does not begin where"));
  await expect(read(zipOf([{ path: "a" }], { length: 3 }))).rejects.toMatchObject(invalid("does not lie where it says"));
  const packed = deflateRawSync("hello");
  const behind = { path: "a", body: Buffer.concat([packed, Buffer.from("hidden")]), method: 8, size: 5, crc: Bun.hash.crc32("hello") };
  await expect(read(zipOf([behind]))).rejects.toMatchObject(invalid("something lies behind the end"));
});

test("a bomb goes off nowhere: more than was announced is never unpacked, nor is more announced than there may be", async () => {
  const zeros = Buffer.alloc(80 * 2 ** 20);
  const packed = deflateRawSync(zeros, { level: 9 });
  const lying = { path: "a", body: packed, method: 8, size: 5, crc: 0 };
  await expect(read(zipOf([lying]))).rejects.toMatchObject(invalid("does not unpack to the 5 bytes"));
  const honest = { path: "a", body: packed, method: 8, size: zeros.length, crc: Bun.hash.crc32(zeros) };
  const tooLarge = (message: string) => refusal("REGISTRY_ARCHIVE_TOO_LARGE", message);
  await expect(read(zipOf([honest]))).rejects.toMatchObject(tooLarge("bytes when it is unpacked"));
  const limits = { packedBytes: 1000, unpackedBytes: 1000, files: 2 };
  const three = zipOf([{ path: "a" }, { path: "b" }, { path: "c" }]);
  await expect(read(three, { limits })).rejects.toMatchObject(tooLarge("at most 2 files, came 3"));
  let taken = 0;
  const endless = async function* () {
    for (;;) {
      taken += 100;
      yield Buffer.alloc(100);
    }
  };
  await expect(readZip(endless(), { limits })).rejects.toMatchObject(tooLarge("at most 1000 bytes"));
  expect(taken).toBeLessThan(1200);
});

test("no zip that was cut off or changed in one place gives other files", async () => {
  const files = [file("SKILL.md", "# A skill\n\nwith a text ".repeat(5)), file("scripts/run.sh", "echo")];
  const whole = writeZip(files);
  for (let length = 0; length < whole.length; length++)
    await expect(read(whole.subarray(0, length))).rejects.toMatchObject({ code: "REGISTRY_ARCHIVE_INVALID" });
  for (let at = 0; at < whole.length; at++) {
    const changed = whole.slice();
    changed[at] = changed[at]! ^ (1 << (at % 8));
    const found = await read(changed).catch((error) => error.code);
    if (found !== "REGISTRY_ARCHIVE_INVALID" && found !== "REGISTRY_ARCHIVE_TOO_LARGE") expect(texts(found)).toEqual(texts(files));
  }
});
