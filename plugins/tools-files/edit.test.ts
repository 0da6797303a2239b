import { expect, test } from "bun:test";
import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { startFileTools } from "../../tests/support/file-tools.ts";

const code = `function one() {
  return 1;
}

function two() {
  return 2;
}
`;

test("one exact place is changed, and the answer says where", async () => {
  await using files = await startFileTools();
  await files.put({ "a.ts": code });
  await chmod(files.file("a.ts"), 0o640);
  expect((await files.edit({ path: "a.ts", old: "return 2", new: "return $& $1 3" })).text).toBe(
    "changed 1 place in a.ts, first at line 6",
  );
  expect(await readFile(files.file("a.ts"), "utf8")).toBe(code.replace("return 2", () => "return $& $1 3"));
  expect((await stat(files.file("a.ts"))).mode & 0o777).toBe(0o640);
});

test("text that is there more than once is refused with its lines, unless all are meant", async () => {
  await using files = await startFileTools();
  await files.put({ "a.ts": code });
  const refused = await files.edit({ path: "a.ts", old: "return ", new: "yield " });
  expect(refused).toMatchObject({
    outcome: "refused",
    text: "old is in a.ts 2 times, at lines 2, 6; give more of the text around it, or say all: true",
  });
  expect((await files.edit({ path: "a.ts", old: "return ", new: "yield ", all: true })).text).toContain("changed 2 places");
  expect(await readFile(files.file("a.ts"), "utf8")).toBe(code.replaceAll("return ", "yield "));
});

test("text that is not there is refused with what looks most like it", async () => {
  await using files = await startFileTools();
  await files.put({ "a.ts": code });
  const indented = await files.edit({ path: "a.ts", old: "function two() {\n    return 2;\n}", new: "" });
  expect(indented.outcome).toBe("refused");
  expect(indented.text).toBe("old was not found in a.ts; the nearest is at line 5:\nfunction two() {\n  return 2;\n}");
  expect((await files.edit({ path: "a.ts", old: "zzz qqq", new: "" })).text).toBe(
    "old was not found in a.ts; read the file to see what it holds",
  );
  expect((await files.edit({ path: "a.ts", old: "one", new: "one" })).text).toContain("nothing would change");
  expect(await readFile(files.file("a.ts"), "utf8")).toBe(code);
});

test("a file keeps its line endings and its encoding, whichever the model writes", async () => {
  await using files = await startFileTools();
  const dos = code.replaceAll("\n", "\r\n");
  await files.put({ "dos.ts": dos, "bom.ts": `\ufeff${code}`, "wide.ts": Buffer.from(`\ufeff${code}`, "utf16le") });
  await files.edit({ path: "dos.ts", old: "{\n  return 1;\n}", new: "{\n  return 11;\n}" });
  await files.edit({ path: "dos.ts", old: "return 2;", new: "log();\n  return 2;" });
  expect(await readFile(files.file("dos.ts"), "utf8")).toBe(
    dos.replace("return 1", "return 11").replace("return 2;", "log();\r\n  return 2;"),
  );
  await files.edit({ path: "bom.ts", old: "one", new: "eins" });
  expect(await readFile(files.file("bom.ts"), "utf8")).toBe(`\ufeff${code.replace("one", "eins")}`);
  await files.edit({ path: "wide.ts", old: "one", new: "eins" });
  expect(await readFile(files.file("wide.ts"))).toEqual(Buffer.from(`\ufeff${code.replace("one", "eins")}`, "utf16le"));
});

test("what an edit would damage is refused", async () => {
  await using files = await startFileTools({ writeBytes: 20 });
  await files.put({ "latin.txt": Buffer.from("gr\xfc\xdfe", "latin1"), "a.bin": new Uint8Array([65, 0, 66]), "small.txt": "0123456789" });
  expect((await files.edit({ path: "latin.txt", old: "gr", new: "GR" })).text).toContain("is not valid utf-8");
  expect((await files.edit({ path: "a.bin", old: "A", new: "B" })).text).toContain("is a binary file");
  expect((await files.edit({ path: "small.txt", old: "5", new: "x".repeat(20) })).text).toContain("29 bytes, more than the 20");
  expect((await files.edit({ path: "none.txt", old: "a", new: "b" })).text).toContain("there is no none.txt");
});

test("edits of one file at the same time all take effect", async () => {
  await using files = await startFileTools();
  const names = Array.from({ length: 40 }, (_, n) => `line-${n};`);
  await files.put({ "a.txt": names.join("\n") });
  const answers = await Promise.all(names.map((name) => files.edit({ path: "a.txt", old: name, new: `${name.slice(0, -1)} done;` })));
  expect(new Set(answers.map(({ outcome }) => outcome))).toEqual(new Set(["ok"]));
  expect(await readFile(files.file("a.txt"), "utf8")).toBe(names.map((name) => `${name.slice(0, -1)} done;`).join("\n"));
});

test("a change by somebody else between reading and writing is never overwritten", async () => {
  await using files = await startFileTools();
  const path = files.file("a.txt");
  await writeFile(path, "0\n");
  let theirs = 0;
  let refused = 0;
  for (let round = 0; round < 60; round++) {
    const before = await readFile(path, "utf8");
    const edited = files.edit({ path: "a.txt", old: before, new: `${before}mine ${round}\n` });
    // Somebody else appends in place, at any moment of the edit.
    for (let turn = 0; turn < round % 12; turn++) await stat(path);
    const line = `theirs ${round}\n`;
    await writeFile(path, line, { flag: "a" });
    const { outcome } = await edited;
    const after = await readFile(path, "utf8");
    if (outcome === "refused") refused++;
    // Their line may only be missing when it went into the file that the edit had already replaced.
    if (outcome === "refused") expect(after).toBe(`${before}${line}`);
    else expect(after).toStartWith(`${before}mine ${round}\n`);
    if (after.includes(line)) theirs++;
  }
  expect(refused).toBeGreaterThan(0);
  expect(theirs).toBeGreaterThan(0);
});
