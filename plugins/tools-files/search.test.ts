import { expect, test } from "bun:test";
import { mkdir, symlink } from "node:fs/promises";
import { startFileTools } from "../../tests/support/file-tools.ts";
import { parseIgnore } from "./ignore.ts";

const lines = (text: string) => text.split("\n");

test("files are found by name at any depth, without those that git ignores", async () => {
  await using files = await startFileTools();
  await files.put({
    ".gitignore": "node_modules/\n*.log\n!keep.log\n/build\n",
    "a.ts": "",
    "src/b.ts": "",
    "src/deep/c.ts": "",
    "src/.gitignore": "generated.ts\n",
    "src/generated.ts": "",
    "src/build/d.ts": "",
    "build/e.ts": "",
    "node_modules/x/index.ts": "",
    ".git/hooks/f.ts": "",
    "noise.log": "",
    "keep.log": "",
  });
  expect(lines((await files.glob({ pattern: "**/*.ts" })).text)).toEqual(["a.ts", "src/b.ts", "src/build/d.ts", "src/deep/c.ts"]);
  expect((await files.glob({ pattern: "**/*.log" })).text).toBe("keep.log");
  expect((await files.glob({ pattern: "**/*.ts", ignored: true })).text).toContain("node_modules/x/index.ts");
  expect(lines((await files.glob({ pattern: "**/*.ts", path: "src" })).text)).toEqual(["src/b.ts", "src/build/d.ts", "src/deep/c.ts"]);
  expect((await files.glob({ pattern: "**/*.ts", path: "node_modules/x" })).text).toBe("node_modules/x/index.ts");
  expect((await files.glob({ pattern: "*.py" })).text).toBe("nothing in . matches *.py; for every depth write **/ before it");
  expect((await files.glob({ pattern: "./src/*.ts" })).text).toBe("src/b.ts");
});

test("the rules of .gitignore are read as git reads them", () => {
  const verdict = (rules: string, path: string, isFolder = false) => parseIgnore(rules).verdict(path, isFolder);
  expect(verdict("# comment\n\n*.o", "a/b.o")).toBe(true);
  expect(verdict("*.o\n!b.o", "a/b.o")).toBe(false);
  expect(verdict("a/*.o", "a/b.o")).toBe(true);
  expect(verdict("a/*.o", "x/a/b.o")).toBeUndefined();
  expect(verdict("**/a/*.o", "x/a/b.o")).toBe(true);
  expect(verdict("out/", "out")).toBeUndefined();
  expect(verdict("out/", "x/out", true)).toBe(true);
  expect(verdict("/out", "x/out")).toBeUndefined();
  expect(verdict("{a,b}", "a")).toBeUndefined();
  expect(verdict("{a,b}", "{a,b}")).toBe(true);
  expect(verdict("\\!odd", "!odd")).toBe(true);
  expect(verdict("trailing  \r", "trailing")).toBe(true);
  expect(verdict("!\n/\n!/\n#", "x")).toBeUndefined();
});

test("text is found with its place, by expression or literally, with lines around it", async () => {
  await using files = await startFileTools();
  await files.put({ "a.txt": "one\ntwo (x)\nthree\nfour\nTWO\n", "src/b.txt": "two\r\nlast", "c.md": "two" });
  expect(lines((await files.grep({ pattern: "^two" })).text)).toEqual(["a.txt:2: two (x)", "c.md:1: two", "src/b.txt:1: two"]);
  expect((await files.grep({ pattern: "two (", literal: true })).text).toBe("a.txt:2: two (x)");
  expect(lines((await files.grep({ pattern: "TWO$", ignoreCase: true, glob: "**/*.txt" })).text)).toEqual([
    "a.txt:5: TWO",
    "src/b.txt:1: two",
  ]);
  expect(lines((await files.grep({ pattern: "two|four", path: "a.txt", context: 1 })).text)).toEqual([
    "a.txt-1- one",
    "a.txt:2: two (x)",
    "a.txt-3- three",
    "a.txt:4: four",
    "a.txt-5- TWO",
  ]);
  expect((await files.grep({ pattern: "nowhere" })).text).toBe("nothing in . matches nowhere");
  expect(await files.grep({ pattern: "(" })).toMatchObject({ outcome: "refused" });
  expect((await files.grep({ pattern: "(" })).text).toContain("for plain text say literal: true");
});

test("results end at their bound and say so; files that are no text are counted", async () => {
  await using files = await startFileTools({ results: 3, matchChars: 10, searchFileBytes: 100 });
  await files.put({ "a.txt": "match me and more\n".repeat(5), "big.txt": `match ${"x".repeat(100)}`, "b.bin": "match\0" });
  const { text } = await files.grep({ pattern: "match" });
  expect(lines(text).slice(0, 3)).toEqual(Array.from({ length: 3 }, (_, n) => `a.txt:${n + 1}: match me a… (7 more characters)`));
  expect(text).toContain("[there are more matches; narrow the pattern, the path or the glob]");
  expect((await files.grep({ pattern: "match", path: "big.txt" })).text).toContain("[1 file left out: binary or too large]");
  expect((await files.glob({ pattern: "*" })).text).toBe("a.txt\nb.bin\nbig.txt");
  await files.put({ "c.txt": "" });
  expect((await files.glob({ pattern: "*" })).text).toContain("[only the first 3 are shown; narrow the pattern or the path]");
});

test("an expression that would take for ever is ended when its time is over, and the gateway goes on meanwhile (#84903)", async () => {
  await using files = await startFileTools({ searchMs: 2_000 });
  await files.put({ "a.txt": `${"a".repeat(1_000)}\n` });
  const searching = files.grep({ pattern: "(.*)(.*)(.*)(.*)(.*)(.*)x$" });
  // That anything here runs shows that the search holds no thread but its own.
  await files.clock.armed();
  await files.clock.advance(2_000);
  const { text } = await searching;
  expect(text).toBe("[the search stopped after 2 s; narrow the path or use a simpler pattern]");
  expect(files.clock.timers).toBe(0);
});

test("a search over too many files ends at its bound", async () => {
  await using files = await startFileTools({ searchEntries: 5 });
  await files.put(Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`f${n}.txt`, "x"])));
  expect((await files.glob({ pattern: "*" })).text).toEndWith("[the search stopped after 5 files and folders; narrow the path]");
  expect((await files.grep({ pattern: "x" })).text).toContain("[the search stopped after 5 files and folders");
});

test("a search never leaves the workspace, nor goes in circles", async () => {
  await using files = await startFileTools();
  await files.put({ "in/a.txt": "the secret is not here" });
  await symlink(files.outside, files.file("out"));
  await symlink("..", files.file("in/up"));
  await symlink(files.outside, files.file("in/out"));
  await symlink(`${files.outside}/secret.txt`, files.file("leak.txt"));
  expect((await files.grep({ pattern: "secret" })).text).toBe("in/a.txt:1: the secret is not here");
  expect(lines((await files.glob({ pattern: "**" })).text)).toEqual(["in/a.txt", "in/out", "in/up", "leak.txt", "out"]);
  expect(await files.grep({ pattern: "secret", path: "out" })).toMatchObject({ outcome: "refused" });
  expect(await files.glob({ pattern: "*", path: "in/out" })).toMatchObject({ outcome: "refused" });
});

test("hostile names and rules in a repository cost no more than others", async () => {
  await using files = await startFileTools();
  const rule = `${"*a".repeat(60)}b`;
  await files.put({ ".gitignore": Array.from({ length: 3_000 }, () => rule).join("\n"), [`${"a".repeat(200)}`]: "x", "b{1,2}.txt": "y" });
  expect(lines((await files.glob({ pattern: "*" })).text)).toEqual([".gitignore", "a".repeat(200), "b{1,2}.txt"]);
  for (const pattern of ["{{{{{{", "[", "\\", "!", "**/**/**/**/**/**/x", `${"{a,b}".repeat(20)}`, "*".repeat(400)]) {
    expect((await files.glob({ pattern })).outcome).toBe("ok");
  }
  let deep = ".";
  for (let level = 0; level < 80; level++) deep += "/d";
  await mkdir(files.file(deep), { recursive: true });
  await files.put({ [`${deep}/bottom.txt`]: "" });
  expect((await files.glob({ pattern: "**/bottom.txt" })).outcome).toBe("ok");
});
