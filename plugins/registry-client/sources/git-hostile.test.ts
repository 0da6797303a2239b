/** Servers that speak git's protocol, and mean no good. */
import { expect, test } from "bun:test";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createGitPackages } from "./git.ts";

const head = "a".repeat(40);
const line = (said: string | Uint8Array) => {
  const bytes = Buffer.from(said);
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, "0")), bytes]);
};
const flush = Buffer.from("0000");

/** What it can do, and that its branch is at `head`; whoever fetches is answered by `fetched`, which is told for the how manieth time. */
function serveGit(fetched: (times: number) => Response | Promise<Response>) {
  let times = 0;
  const capabilities = ["version 2\n", "ls-refs\n", "fetch=shallow\n", "object-format=sha1\n"].map(line);
  const server = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0, idleTimeout: 0 },
    async fetch(request) {
      if (request.method === "GET")
        return new Response(Buffer.concat([line("# service=git-upload-pack\n"), flush, ...capabilities, flush]), as("advertisement"));
      if (!(await request.text()).includes("command=ls-refs")) return fetched(times++);
      return new Response(Buffer.concat([line(`${head} HEAD\n`), line(`${head} refs/heads/main\n`), flush]), as("result"));
    },
  });
  const wanted = { from: "git", url: `${server.url}x.git` } as const;
  return {
    resolve: (signal: AbortSignal) =>
      createGitPackages({ fetch, clock: systemClock })
        .resolve(wanted, signal)
        .catch((error) => error),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
const as = (what: string) => ({ headers: { "content-type": `application/x-git-upload-pack-${what}` } });

/** The head of a pack with one commit of so many bytes. */
function packOf(size: number): Buffer {
  const commit = 1;
  const bytes = [(commit << 4) | (size & 15)];
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1]! |= 128;
    bytes.push(rest & 127);
  }
  return Buffer.concat([Buffer.from("PACK\0\0\0\x02\0\0\0\x01", "latin1"), Buffer.from(bytes)]);
}

/** Some systems bound the memory of no process. */
test.skipIf(process.platform !== "linux")(
  "what is sent fills no memory: a commit of two gigabytes is refused before there is room for it",
  async () => {
    const onData = (bytes: Uint8Array) => line(Buffer.concat([Buffer.from([1]), bytes]));
    await using server = serveGit(() => new Response(Buffer.concat([line("packfile\n"), onData(packOf(2 ** 31)), flush]), as("result")));
    expect(await server.resolve(new AbortController().signal)).toMatchObject({
      code: "REGISTRY_CLIENT_GIT_FAILED",
      message: expect.stringContaining("Out of memory"),
    });
  },
);

test("who stops waiting hears why, also when another way is tried by then", async () => {
  const asked = Promise.withResolvers<void>();
  await using server = serveGit((times) => {
    if (times === 0) return new Response("", { status: 500 });
    asked.resolve();
    return new Promise<Response>(() => undefined);
  });
  const control = new AbortController();
  const outcome = server.resolve(control.signal);
  await asked.promise;
  control.abort(new Error("enough"));
  expect(await outcome).toMatchObject({ message: "enough" });
});
