import { expect, test } from "bun:test";
import { chmod, link, readdir, readFile, stat, symlink } from "node:fs/promises";
import { startFileTools } from "../../tests/support/file-tools.ts";

const png = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");

test("a text file is read by lines, and the answer says how to read on", async () => {
  await using files = await startFileTools({ resultLines: 3 });
  await files.put({ "a.txt": "one\ntwo\r\nthree\nfour\nfive\n", "empty.txt": "" });
  expect((await files.read({ path: "a.txt" })).text).toBe("one\ntwo\nthree\n[lines 1 to 3 of 5; read on with offset 4]");
  expect((await files.read({ path: "a.txt", offset: 4 })).text).toBe("four\nfive");
  expect((await files.read({ path: files.file("a.txt"), offset: 2, limit: 1 })).text).toBe(
    "two\n[lines 2 to 2 of 5; read on with offset 3]",
  );
  expect((await files.read({ path: "empty.txt" })).text).toBe("empty.txt is empty");
  expect(await files.read({ path: "a.txt", offset: 9 })).toMatchObject({
    outcome: "refused",
    text: "a.txt has 5 lines; line 9 was asked for",
  });
});

test("a huge result is cut, by characters and within a line, and says so", async () => {
  await using files = await startFileTools({ resultChars: 100, lineChars: 50 });
  await files.put({ "wide.txt": `${"x".repeat(80)}\n`, "long.txt": "0123456789\n".repeat(50) });
  expect((await files.read({ path: "wide.txt" })).text).toBe(`${"x".repeat(50)}… (30 more characters)`);
  expect((await files.read({ path: "long.txt" })).text).toEndWith("[lines 1 to 9 of 50; read on with offset 10]");
});

test("an image is shown as an image, whatever it is called", async () => {
  await using files = await startFileTools({ imageBytes: 20 });
  await files.put({ "picture.txt": png, "big.png": Buffer.concat([png, png]) });
  const { outcome, content } = await files.read({ path: "picture.txt" });
  expect(outcome).toBe("ok");
  expect(content[1]).toEqual({ type: "image", data: png.toString("base64"), mimeType: "image/png" });
  expect(await files.read({ path: "big.png" })).toMatchObject({
    outcome: "refused",
    text: "the image big.png has 32 bytes, more than the 20 that can be shown; make it smaller",
  });
});

test("binary files and files that are too large are refused with what they are", async () => {
  await using files = await startFileTools({ readBytes: 100, imageBytes: 100 });
  await files.put({ "a.bin": new Uint8Array([1, 0, 2]), "big.log": "x".repeat(101) });
  expect((await files.read({ path: "a.bin" })).text).toBe("a.bin is a binary file of 3 bytes, and text or an image was expected");
  expect((await files.read({ path: "big.log" })).text).toContain("big.log has 101 bytes, more than the 100 that can be read");
});

test("text in other encodings is read, and what is no text in it is said", async () => {
  await using files = await startFileTools();
  await files.put({
    "bom.txt": Buffer.from("\ufeffgrüße"),
    "wide.txt": Buffer.from("\ufeffgrüße", "utf16le"),
    "big-endian.txt": Buffer.from("\ufeffgrüße", "utf16le").swap16(),
    "latin.txt": Buffer.from("gr\xfc\xdfe", "latin1"),
  });
  for (const path of ["bom.txt", "wide.txt", "big-endian.txt"]) expect((await files.read({ path })).text).toBe("grüße");
  expect((await files.read({ path: "latin.txt" })).text).toBe("gr��e\n[some bytes are not valid utf-8 and are shown as �]");
});

test("a name that is nearly right is answered with the one that is there", async () => {
  await using files = await startFileTools();
  await files.put({ "Bericht März.txt": "x", "src/Index.ts": "x" });
  expect((await files.read({ path: "bericht märz.txt".normalize("NFD") })).text).toBe(
    'there is no bericht märz.txt in the workspace; there is "Bericht März.txt"'.replace(
      "bericht märz.txt",
      "bericht märz.txt".normalize("NFD"),
    ),
  );
  expect((await files.read({ path: "src/index.ts" })).text).toContain('there is "src/Index.ts"');
  expect((await files.read({ path: "nothing.txt" })).text).toBe("there is no nothing.txt in the workspace");
  expect((await files.read({ path: "src/Index.ts/deeper" })).text).toContain("goes through a file as if it were a folder");
  expect((await files.read({ path: "src" })).text).toBe("src is a folder; use list");
  expect((await files.read({ path: "a\0b" })).text).toContain("NUL");
  expect((await files.read({ path: "x".repeat(5_000) })).text).toContain("too long for a path");
});

test("names in any script and with any sign are written, listed, found and read", async () => {
  await using files = await startFileTools();
  const names = ["日本語.txt", "emoji 🦀.txt", "new\nline.txt", "-rf.txt", "a'b\"c.txt", "\u202egnp.txt", "ünïcode.txt", "*.txt"];
  for (const name of names) expect((await files.write({ path: `deep/${name}`, content: name })).outcome).toBe("ok");
  for (const name of names) expect((await files.read({ path: `deep/${name}` })).text).toBe(name);
  expect((await readdir(files.file("deep"))).sort()).toEqual([...names].sort());
  const found = await files.glob({ pattern: "**/*.txt" });
  expect((found.details as { files: string[] }).files.length).toBe(names.length);
  expect(found.text.split("\n")).toContain('"deep/new\\nline.txt"');
  expect(found.text).not.toContain("\u202e");
});

test("a file is made with its folders, and replaced in one step with its mode kept", async () => {
  await using files = await startFileTools();
  expect((await files.write({ path: "a/b/run.sh", content: "one" })).text).toBe("made a/b/run.sh; it has 3 bytes now");
  await chmod(files.file("a/b/run.sh"), 0o754);
  expect((await files.write({ path: "a/b/run.sh", content: "longer" })).text).toBe(
    "replaced a/b/run.sh, which had 3 bytes; it has 6 bytes now",
  );
  expect((await stat(files.file("a/b/run.sh"))).mode & 0o7777).toBe(0o754);
  expect(await readFile(files.file("a/b/run.sh"), "utf8")).toBe("longer");
  expect(await readdir(files.file("a/b"))).toEqual(["run.sh"]);
});

test("writing refuses what cannot be a file, what is read-only, and what is too large", async () => {
  await using files = await startFileTools({ writeBytes: 10 });
  await files.put({ "folder/x": "x", "locked.txt": "x" });
  await chmod(files.file("locked.txt"), 0o444);
  const refusal = async (path: string, content = "x") => (await files.write({ path, content })).text;
  expect(await refusal("folder")).toBe("folder is a folder, and cannot be written");
  expect(await refusal(".")).toContain("is the workspace itself");
  expect(await refusal("locked.txt")).toBe("locked.txt is read-only (mode 0444)");
  expect(await refusal("big.txt", "x".repeat(11))).toContain("11 bytes are more than the 10 that can be written");
  expect(await refusal("folder/x/y")).toContain("goes through a file as if it were a folder");
  expect((await readdir(files.path)).sort()).toEqual(["folder", "locked.txt"]);
});

test("what a link in the workspace points to is written, and the link stays", async () => {
  await using files = await startFileTools();
  await files.put({ "real/target.txt": "old" });
  await symlink("real/target.txt", files.file("link.txt"));
  await symlink("nowhere", files.file("dangling.txt"));
  expect((await files.write({ path: "link.txt", content: "new" })).text).toContain("replaced real/target.txt");
  expect(await readFile(files.file("real/target.txt"), "utf8")).toBe("new");
  expect((await files.list({})).text).toContain("link.txt -> real/target.txt");
  expect((await files.write({ path: "dangling.txt", content: "x" })).text).toContain("symbolic link to something that does not exist");
});

test("a folder is listed with kinds and sizes, deeper when asked, and cut with a word on it", async () => {
  await using files = await startFileTools({ results: 4 });
  await files.put({ "b.txt": "12345", "a/inner/deep.txt": "x", ".hidden": "", ".gitignore": "a/inner\n" });
  expect((await files.list({})).text).toBe(".gitignore (8 bytes)\n.hidden (0 bytes)\na/\nb.txt (5 bytes)");
  expect((await files.list({ path: "a", depth: 3 })).text).toBe("inner/\ninner/deep.txt");
  expect((await files.list({ path: ".", depth: 3 })).text).toBe(".gitignore (8 bytes)\n.hidden (0 bytes)\na/\nb.txt (5 bytes)");
  await files.put({ "c.txt": "" });
  expect((await files.list({})).text).toEndWith("[only the first 4 are shown; list a folder inside it, or use glob]");
  expect((await files.list({ path: "b.txt" })).text).toBe("b.txt is a file, not a folder");
  await files.put({ "none/x": "" });
  expect((await files.list({ path: "none/x/.." })).outcome).toBe("ok");
});

test("an aborted call changes nothing", async () => {
  await using files = await startFileTools();
  await files.put({ "a.txt": "old" });
  const answer = await files.write({ path: "a.txt", content: "new" }, AbortSignal.abort());
  expect(answer).toMatchObject({ outcome: "failed", text: "write was stopped before it was done; nothing was changed" });
  expect(await readFile(files.file("a.txt"), "utf8")).toBe("old");
});

test("files with several names keep the others as they were", async () => {
  await using files = await startFileTools();
  await files.put({ "a.txt": "old" });
  await link(files.file("a.txt"), files.file("b.txt"));
  await files.write({ path: "a.txt", content: "new" });
  expect(await readFile(files.file("b.txt"), "utf8")).toBe("old");
});
