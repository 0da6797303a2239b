import { expect, test } from "bun:test";
import { attachmentOf, leftOut, readWithin, tooLarge } from "./media.ts";

test("a body is read up to its bound, whatever it says of its length", async () => {
  let pulled = 0;
  const endless = () =>
    new Response(
      new ReadableStream({
        pull(out) {
          pulled++;
          out.enqueue(new Uint8Array(100));
        },
      }),
    );
  expect(await readWithin(new Response("12345"), 5)).toEqual(Buffer.from("12345"));
  expect(await readWithin(new Response("123456"), 5)).toBeUndefined();
  expect(await readWithin(endless(), 1000)).toBeUndefined();
  expect(pulled).toBeLessThan(20);
  expect(await readWithin(new Response("x", { headers: { "content-length": "9999" } }), 10)).toBeUndefined();
  expect(await readWithin(new Response(null), 5)).toEqual(Buffer.alloc(0));
});

test("a body that breaks off says how, and not where it came from, since the address may hold a token", async () => {
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response("no gzip", { headers: { "content-encoding": "gzip" } }),
  });
  const error = await readWithin(await fetch(`${server.url}bot123:token/a`), 100).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ message: "the body broke off (ZlibError)", code: "ZlibError" });
  expect(Bun.inspect(error)).not.toContain("123:token");
});

test("a file has the kind that a client shows, and one that is left out is named with the reason", () => {
  expect(attachmentOf(Buffer.from("x"), "image/png", "a.png")).toEqual({
    kind: "image",
    mimeType: "image/png",
    data: "eA==",
    fileName: "a.png",
  });
  expect(attachmentOf(Buffer.from("x"), "text/plain").kind).toBe("document");
  expect(leftOut("photo", "not fetched")).toBe("[photo: not fetched]");
  expect(leftOut("video", tooLarge(20 * 1024 * 1024), { fileName: "a.mkv", bytes: 34_000_000 })).toBe(
    "[video a.mkv (34.0 MB): not fetched, larger than 21.0 MB]",
  );
});
