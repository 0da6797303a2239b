import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack } from "../../plugin-kit/archive.ts";
import { readArchive } from "./read.ts";

async function* inChunks(bytes: Uint8Array, size = bytes.length): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const file = (path: string, text = path) => ({ path, bytes: Buffer.from(text) });

/** Made by the system's tar, from a folder that `make` fills. */
function tarred(make: (folder: string) => void, ...options: string[]): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "pincer-tar-"));
  try {
    make(folder);
    const { stdout, exitCode, stderr } = Bun.spawnSync(["tar", ...options, "-czf", "-", "-C", folder, "."]);
    if (exitCode !== 0) throw new Error(String(stderr));
    return stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Entry {
  readonly path: string;
  readonly type?: string;
  readonly body?: string;
  readonly size?: number;
  readonly link?: string;
}
/** A tar that no tool would make. */
function tarOf(entries: readonly Entry[], { end = 1024, tail = "" } = {}): Uint8Array {
  const blocks = entries.flatMap(({ path, type = "0", body = "", size = Buffer.byteLength(body), link = "" }) => {
    const head = Buffer.alloc(512);
    head.write(path, 0, 100);
    head.write("0000644\0", 100);
    head.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
    head.write(" ".repeat(8), 148);
    head.write(type, 156);
    head.write(link, 157);
    head.write("ustar\x0000", 257, "latin1");
    const sum = head.reduce((total, byte) => total + byte, 0);
    head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    return [head, Buffer.from(body), Buffer.alloc((512 - (Buffer.byteLength(body) % 512)) % 512)];
  });
  return Bun.gzipSync(Buffer.concat([...blocks, Buffer.alloc(end), Buffer.from(tail)]));
}
const read = (bytes: Uint8Array, options?: Parameters<typeof readArchive>[1]) => readArchive(inChunks(bytes), options);
const refusal = (code: string, message: string) => ({ code, message: expect.stringContaining(message) });

for (const size of [1, 7, 511, 512, 513, 100_000])
  test(`what was packed comes out, in pieces of ${size} bytes`, async () => {
    const files = [file("a/b/c.ts", "x".repeat(3000)), file("empty", ""), file("ende.md", "Grüße"), file("full", "y".repeat(512))];
    const found = await readArchive(inChunks(pack(files), size));
    expect(found.map(({ path, bytes }) => [path, String(Buffer.from(bytes))])).toEqual(
      files.map(({ path, bytes }) => [path, String(bytes)]),
    );
  });

test("what tar and npm make is read: folders, long names, everything in one folder", async () => {
  const name = `package/${"long-".repeat(30)}name.js`;
  const made = tarred(
    (folder) => {
      mkdirSync(join(folder, "package"));
      writeFileSync(join(folder, name), "long");
    },
    "--format=pax",
    "--transform=s,^\\./,,",
  );
  const [found] = await read(made, { inside: "package" });
  expect([found!.path, String(Buffer.from(found!.bytes))]).toEqual([name.slice("package/".length), "long"]);
});

test("links are refused, whatever they lead to", async () => {
  const made = tarred((folder) => symlinkSync("plugin.ts", join(folder, "link")));
  await expect(read(made)).rejects.toMatchObject(refusal("REGISTRY_ARCHIVE_INVALID", "a symbolic link"));
  for (const [type, called] of [
    ["1", "a hard link"],
    ["3", "a device"],
    ["4", "a device"],
    ["6", "a pipe"],
    ["L", "long name"],
    ["S", "of the kind"],
  ] as const)
    await expect(read(tarOf([{ path: "x", type, link: "/etc/passwd" }]))).rejects.toMatchObject(
      refusal("REGISTRY_ARCHIVE_INVALID", called),
    );
});

for (const path of [
  "../x",
  "a/../../x",
  "/etc/passwd",
  "./x",
  "a//b",
  "a/",
  "",
  "a\\..\\b",
  "C:/x",
  "a\u0000b",
  "a\nb",
  "x\u200bname",
  "a/.",
  "nul",
  "sub/CON.txt",
  "dot.",
  "space ",
  "e\u0301",
  "*",
  `${"d/".repeat(17)}x`,
  "x".repeat(256),
])
  test(`no file is called ${JSON.stringify(path.slice(0, 30))}`, async () => {
    const record = `path=${path}\n`;
    const length = (digits: number): number =>
      String(digits + 1 + Buffer.byteLength(record)).length === digits ? digits + 1 + Buffer.byteLength(record) : length(digits + 1);
    const extension = { path: "x", type: "x", body: `${length(1)} ${record}` };
    await expect(read(tarOf([extension, { path: "x", body: "evil" }]))).rejects.toMatchObject({ code: "REGISTRY_ARCHIVE_INVALID" });
  });

test("one name is one file, on systems that do not tell A from a too", async () => {
  for (const [one, other] of [
    ["a", "a"],
    ["Plugin.ts", "plugin.ts"],
    ["a", "a/b"],
    ["a/b", "A"],
    ["a/b/c", "a/B"],
  ] as const)
    await expect(
      read(
        tarOf([
          { path: one, body: "1" },
          { path: other, body: "2" },
        ]),
      ),
    ).rejects.toMatchObject(refusal("REGISTRY_ARCHIVE_INVALID", "twice"));
});

test("what grows beyond its limits is given up before it has grown", async () => {
  const limits = { packedBytes: 100_000, unpackedBytes: 10_000, files: 3 };
  const bomb = Bun.gzipSync(Buffer.alloc(50 * 2 ** 20));
  let taken = 0;
  const counted = (async function* () {
    for await (const chunk of inChunks(bomb, 512)) {
      taken += chunk.length;
      yield chunk;
    }
  })();
  // Nothing but zeroes is no archive; nor is one with a file as large.
  await expect(readArchive(counted, { limits })).rejects.toMatchObject({ code: expect.stringMatching(/^REGISTRY_ARCHIVE_/) });
  expect(taken).toBeLessThanOrEqual(bomb.length);
  await expect(read(tarOf([{ path: "big", size: 10_001 }]), { limits })).rejects.toMatchObject(
    refusal("REGISTRY_ARCHIVE_TOO_LARGE", "10000 bytes"),
  );
  await expect(
    read(tarOf(Array.from({ length: 3 }, (_file, index) => ({ path: `f${index}`, body: "z".repeat(4000) }))), { limits }),
  ).rejects.toMatchObject(refusal("REGISTRY_ARCHIVE_TOO_LARGE", "unpacked"));
  await expect(read(pack([file("a"), file("b"), file("c"), file("d")]), { limits })).rejects.toMatchObject(
    refusal("REGISTRY_ARCHIVE_TOO_LARGE", "3 files"),
  );
  const noise = crypto.getRandomValues(new Uint8Array(9_000));
  await expect(read(pack([{ path: "noise", bytes: noise }]), { limits: { ...limits, packedBytes: 5_000 } })).rejects.toMatchObject(
    refusal("REGISTRY_ARCHIVE_TOO_LARGE", "5000 bytes"),
  );
  await expect(
    read(tarOf([{ path: "x", type: "x", size: 100_000 }]), { limits: { ...limits, unpackedBytes: 2 ** 30 } }),
  ).rejects.toMatchObject(refusal("REGISTRY_ARCHIVE_TOO_LARGE", "65536"));
});

test("an archive that breaks off, or goes on after its end, is refused", async () => {
  const whole = pack([file("a", "x".repeat(2000))]);
  for (let length = 0; length < whole.length; length++)
    await expect(read(whole.subarray(0, length))).rejects.toMatchObject({ code: "REGISTRY_ARCHIVE_INVALID" });
  await expect(read(tarOf([{ path: "a" }], { end: 512 }))).rejects.toMatchObject(refusal("REGISTRY_ARCHIVE_INVALID", "in the middle"));
  await expect(read(tarOf([{ path: "a" }], { tail: "x".repeat(512) }))).rejects.toMatchObject(
    refusal("REGISTRY_ARCHIVE_INVALID", "after its end"),
  );
  await expect(read(tarOf([]))).rejects.toMatchObject(refusal("REGISTRY_ARCHIVE_INVALID", "at least one file"));
  await expect(read(Buffer.from("no gzip"))).rejects.toMatchObject(refusal("REGISTRY_ARCHIVE_INVALID", "gzip"));
});

test("whatever comes, it ends in files or in an error of ours", async () => {
  let seed = 42;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  const sound = Bun.gunzipSync(pack([file("plugin.json", "{}"), file("src/plugin.ts", "code".repeat(200))]));
  for (let round = 0; round < 400; round++) {
    const bytes = Uint8Array.from(sound);
    for (let change = random(6); change >= 0; change--) bytes[random(2048)] = random(256);
    const outcome = await read(Bun.gzipSync(bytes.subarray(0, bytes.length - random(2) * random(2000)))).then(
      (files) => files.length,
      (error) => error.code,
    );
    expect(typeof outcome === "number" || /^REGISTRY_ARCHIVE_/.test(outcome)).toBe(true);
  }
});
