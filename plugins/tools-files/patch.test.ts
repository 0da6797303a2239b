import { expect, test } from "bun:test";
import { chmod, readdir, readFile, stat } from "node:fs/promises";
import { startFileTools } from "../../tests/support/file-tools.ts";
import type { Workspace } from "./file-tool.ts";
import { applyAll, type Change } from "./patch.ts";
import { openRoot } from "./root.ts";
import { applyHunks, parseDiff } from "./unified-diff.ts";

const old = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n";

test("a diff over several files changes, makes, deletes and renames them", async () => {
  await using files = await startFileTools();
  await files.put({ "a.txt": old, "gone.txt": "x\ny\n", "src/before.ts": "let a;\nlet b;\n" });
  await chmod(files.file("a.txt"), 0o600);
  const { outcome, text } = await files.patch({
    patch: `diff --git a/a.txt b/a.txt
index 123..456 100644
--- a/a.txt
+++ b/a.txt
@@ -1,3 +1,3 @@
 one
-two
+TWO
 three
@@ -6,2 +6,3 @@ a heading
 six
 seven
+eight
--- /dev/null
+++ b/new/made.txt
@@ -0,0 +1,2 @@
+hello
+there
--- a/gone.txt
+++ /dev/null
@@ -1,2 +0,0 @@
-x
-y
--- a/src/before.ts
+++ b/src/after.ts
@@ -1,2 +1,2 @@
 let a;
-let b;
+let c;
`,
  });
  expect(outcome).toBe("ok");
  expect(text).toBe("M a.txt\nA new/made.txt\nD gone.txt\nA src/after.ts\nD src/before.ts");
  expect(await readFile(files.file("a.txt"), "utf8")).toBe(`${old.replace("two", "TWO")}eight\n`);
  expect((await stat(files.file("a.txt"))).mode & 0o777).toBe(0o600);
  expect(await readFile(files.file("new/made.txt"), "utf8")).toBe("hello\nthere\n");
  expect(await readFile(files.file("src/after.ts"), "utf8")).toBe("let a;\nlet c;\n");
  expect((await readdir(files.path)).sort()).toEqual(["a.txt", "new", "src"]);
});

test("when one hunk does not fit, nothing at all is changed, and the answer shows what is there", async () => {
  await using files = await startFileTools();
  await files.put({ "a.txt": old, "b.txt": old });
  const before = await stat(files.file("a.txt"));
  const answer = await files.patch({
    patch: `--- a/a.txt
+++ b/a.txt
@@ -1 +1 @@
-one
+ONE
--- /dev/null
+++ b/deep/er/new.txt
@@ -0,0 +1 @@
+x
--- a/b.txt
+++ b/b.txt
@@ -4,2 +4,2 @@
 four
-fife
+FIVE
`,
  });
  expect(answer.outcome).toBe("refused");
  expect(answer.text).toBe(
    "nothing was changed: hunk 1 (@@ -4,2 +4,2 @@) does not fit b.txt: what it expects is not there; the nearest is at line 4:\nfour\nfive",
  );
  expect((await readdir(files.path)).sort()).toEqual(["a.txt", "b.txt"]);
  expect((await stat(files.file("a.txt"))).ino).toBe(before.ino);
});

test("line numbers that are off, counts that are wrong and lost blanks do not matter", async () => {
  await using files = await startFileTools();
  await files.put({ "a.txt": `${old}\nlast\n` });
  const answer = await files.patch({ patch: "--- a.txt\n+++ a.txt\n@@ -40,9 +99,1 @@\n seven\n\n-last\n+LAST\n@@\n" });
  expect(answer.text).toContain("changes nothing");
  expect((await files.patch({ patch: "--- a.txt\n+++ a.txt\n@@ -40,9 +99,1 @@\n seven\n\n-last\n+LAST\n" })).outcome).toBe("ok");
  expect((await files.patch({ patch: "--- a.txt\n+++ a.txt\n@@ @@\n-two\n+TWO\n" })).outcome).toBe("ok");
  expect(await readFile(files.file("a.txt"), "utf8")).toBe(`${old.replace("two", "TWO")}\nLAST\n`);
});

test("lines that look like headers are only lines", async () => {
  await using files = await startFileTools();
  await files.put({ "q.sql": "-- old comment\nselect 1;\n++ odd\n" });
  const answer = await files.patch({
    patch: "--- a/q.sql\n+++ b/q.sql\n@@ -1,3 +1,3 @@\n--- old comment\n+-- new comment\n select 1;\n-++ odd\n+++ even\n",
  });
  expect(answer.outcome).toBe("ok");
  expect(await readFile(files.file("q.sql"), "utf8")).toBe("-- new comment\nselect 1;\n++ even\n");
});

test("a file keeps its line endings, and whether its last line ends", async () => {
  await using files = await startFileTools();
  await files.put({ "dos.txt": old.replaceAll("\n", "\r\n"), "open.txt": "a\nb", "closed.txt": "a\nb\n" });
  const change = (path: string, hunk: string) => files.patch({ patch: `--- a/${path}\n+++ b/${path}\n${hunk}` });
  await change("dos.txt", "@@ -1,2 +1,3 @@\n one\n+more\n two\n");
  expect(await readFile(files.file("dos.txt"), "utf8")).toBe(old.replace("two", "more\ntwo").replaceAll("\n", "\r\n"));
  await change("open.txt", "@@ -1,2 +1,2 @@\n-a\n+A\n b\n\\ No newline at end of file\n");
  expect(await readFile(files.file("open.txt"), "utf8")).toBe("A\nb");
  await change("open.txt", "@@ -1,2 +1,2 @@\n A\n-b\n\\ No newline at end of file\n+b\n");
  expect(await readFile(files.file("open.txt"), "utf8")).toBe("A\nb\n");
  await change("closed.txt", "@@ -1,2 +1,2 @@\n a\n-b\n+b\n\\ No newline at end of file\n");
  expect(await readFile(files.file("closed.txt"), "utf8")).toBe("a\nb");
});

test("what is no unified diff is refused with what was expected", async () => {
  await using files = await startFileTools();
  await files.put({ "a.txt": old, "b.txt": old });
  const refusal = async (patch: string) => {
    const { outcome, text } = await files.patch({ patch });
    expect(outcome).toBe("refused");
    return text;
  };
  expect(await refusal("*** Begin Patch\n*** Update File: a.txt\n-one\n+ONE\n*** End Patch")).toContain("a unified diff was expected");
  expect(await refusal("")).toContain("a unified diff was expected");
  expect(await refusal("@@ -1 +1 @@\n-one\n+ONE\n")).toContain("no file was named before it");
  expect(await refusal("--- a/a.txt\n+++ b/a.txt\n\n")).toContain("has no hunks");
  expect(await refusal("Binary files a/x and b/x differ\n")).toContain("binary changes");
  expect(await refusal("--- /dev/null\n+++ b/a.txt\n@@ -0,0 +1 @@\n+x\n")).toContain("a.txt exists already");
  expect(await refusal("--- a/a.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-one\n+ONE\n")).toContain("b.txt exists already");
  expect(await refusal("--- a/a.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n")).toContain("its hunks leave text in it");
  expect(await refusal("--- a/none\n+++ b/none\n@@ -1 +1 @@\n-a\n+b\n")).toContain("there is no none");
  expect(await refusal("--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+1\n--- a/a.txt\n+++ b/a.txt\n@@ -2 +2 @@\n-two\n+2\n")).toContain(
    "twice",
  );
  expect(await refusal("--- a/../outside/secret.txt\n+++ b/../outside/secret.txt\n@@ -1 +1 @@\n-the secret\n+x\n")).toContain(
    "outside the workspace",
  );
  expect(await readFile(files.file("a.txt"), "utf8")).toBe(old);
});

test("a header's look-alikes at the very end of a hunk are lines too", async () => {
  await using files = await startFileTools();
  await files.put({ "q.sql": "select 1;\n-- x\n" });
  const answer = await files.patch({ patch: "--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1,2 @@\n select 1;\n--- x\n+++ y\n" });
  expect(answer.outcome).toBe("ok");
  expect(await readFile(files.file("q.sql"), "utf8")).toBe("select 1;\n++ y\n");
});

test("when a later file cannot be put in its place, the earlier ones are put back", async () => {
  await using files = await startFileTools();
  await files.put({ "a.txt": "before\n", "gone.txt": "was here\n" });
  const root = await openRoot(files.path);
  const change = async (path: string, bytes: string | undefined, before: string | undefined): Promise<Change> => ({
    place: await root.place(path, true),
    letter: "M",
    bytes: bytes === undefined ? undefined : Buffer.from(bytes),
    before: before === undefined ? undefined : Buffer.from(before),
  });
  const changes = [
    await change("a.txt", "after\n", "before\n"),
    await change("gone.txt", undefined, "was here\n"),
    await change("new.txt", "new\n", undefined),
    // The same file again: by the time of its turn it is not what it was.
    await change("a.txt", "other\n", "before\n"),
  ];
  const workspace = { root, signal: new AbortController().signal } as Workspace;
  await expect(applyAll(changes, workspace)).rejects.toThrow("was changed by somebody else");
  for (const { place } of changes) await place[Symbol.asyncDispose]();
  expect(await readFile(files.file("a.txt"), "utf8")).toBe("before\n");
  expect(await readFile(files.file("gone.txt"), "utf8")).toBe("was here\n");
  expect((await readdir(files.path)).sort()).toEqual(["a.txt", "gone.txt"]);
});

test("names as git quotes them are understood", async () => {
  await using files = await startFileTools();
  await files.put({ "grün\t.txt": "a\n" });
  const answer = await files.patch({ patch: '--- "a/gr\\303\\274n\\t.txt"\n+++ "b/gr\\303\\274n\\t.txt"\n@@ -1 +1 @@\n-a\n+b\n' });
  expect(answer.outcome).toBe("ok");
  expect(await readFile(files.file("grün\t.txt"), "utf8")).toBe("b\n");
});

/** A unified diff of two lists of lines, made the plain way: longest common subsequence, hunks with `context` lines around. */
function diffOf(a: readonly string[], b: readonly string[], context: number): string {
  const common = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i]![j] = a[i] === b[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  const steps: { sign: string; text: string; i: number }[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) steps.push({ sign: " ", text: b[j++]!, i: i++ });
    else if (i < a.length && (j === b.length || common[i + 1]![j]! >= common[i]![j + 1]!)) steps.push({ sign: "-", text: a[i]!, i: i++ });
    else steps.push({ sign: "+", text: b[j++]!, i });
  }
  const near = steps.map((_, n) => steps.slice(Math.max(0, n - context), n + context + 1).some(({ sign }) => sign !== " "));
  const hunks: string[] = [];
  for (let n = 0; n < steps.length; n++) {
    if (!near[n]) continue;
    const from = n;
    while (near[n + 1]) n++;
    const part = steps.slice(from, n + 1);
    const oldCount = part.filter(({ sign }) => sign !== "+").length;
    const start = oldCount === 0 ? part[0]!.i : part[0]!.i + 1;
    hunks.push(`@@ -${start},${oldCount} +1,1 @@\n${part.map(({ sign, text }) => sign + text).join("\n")}`);
  }
  return `--- a/x\n+++ b/x\n${hunks.join("\n")}\n`;
}

test("whatever two texts are, the diff between them makes the one into the other", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) % below;
  };
  const words = ["", "a", "b", "c", "-- x", "++ y", " z", "@@ w", "\\ v", "--- u"];
  for (let round = 0; round < 3_000; round++) {
    const a = Array.from({ length: random(14) }, () => words[random(words.length)]!);
    const b = a.flatMap((line) => (random(4) > 0 ? [line] : random(2) === 0 ? [] : [words[random(words.length)]!, line]));
    if (random(3) === 0) b.push("end");
    if (a.join("\n") === b.join("\n") || a.length === 0 || b.length === 0) continue;
    const diff = diffOf(a, b, 1 + random(4));
    const [file] = parseDiff(diff);
    expect([diff, applyHunks("x", `${a.join("\n")}\n`, file!.hunks, "\n")]).toEqual([diff, `${b.join("\n")}\n`]);
  }
});

test("no text at all makes the parser fail in another way than by refusing", () => {
  let seed = 99;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) % below;
  };
  const pieces = [
    "--- ",
    "+++ ",
    "@@ ",
    "@@ -1 +1 @@",
    "\n",
    "a/x",
    "b/x",
    "/dev/null",
    "-a",
    "+b",
    " c",
    "\\",
    '"',
    "\t",
    "diff --git ",
    "\r\n",
    "\0",
  ];
  let parsed = 0;
  for (let round = 0; round < 20_000; round++) {
    const junk = Array.from({ length: random(24) }, () => pieces[random(pieces.length)]).join("");
    const text = random(2) === 0 ? junk : `--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n${junk}`;
    try {
      for (const { hunks } of parseDiff(text)) applyHunks("x", "a\nc\n", hunks, "\n");
      parsed++;
    } catch (error) {
      expect((error as Error).constructor.name).toBe("Refusal");
    }
  }
  expect(parsed).toBeGreaterThan(0);
});
