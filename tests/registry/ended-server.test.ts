/** A server that is told to end finishes the publications that have come, and waits for nobody who is slow. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { treeOf } from "../../plugin-host/sandbox/use.ts";
import { createSigner } from "../../registry/trust/key.ts";
import { type Answer, parcel, post } from "./parcel.ts";
import { type ServedRegistry, startServedRegistry } from "./served-registry.ts";

/** Less than the server itself lets anybody be silent, and enough for a machine that is busy. */
const soonMs = 20_000;

async function timed(run: () => Promise<number>): Promise<number> {
  const began = systemClock.monotonic();
  expect(await run()).toBe(0);
  return systemClock.monotonic() - began;
}

interface Spoken {
  /** All that was said by the server, once it has closed the connection. */
  readonly whole: Promise<string>;
  /** Resolves when it has said something. */
  readonly begun: Promise<void>;
  resume(): void;
}

/** Says that to the server, byte by byte as it stands. Unless it `reads`, what is answered is read behind its first piece when it resumes. */
async function speak({ url }: ServedRegistry, said: string | Uint8Array, reads: boolean): Promise<Spoken> {
  const [whole, begun] = [Promise.withResolvers<string>(), Promise.withResolvers<void>()];
  let heard = "";
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(url).port),
    socket: {
      open: (opened) => void opened.write(said),
      data(opened, bytes) {
        if (!reads && heard === "") opened.pause();
        heard += bytes.toString();
        begun.resolve();
      },
      close: () => whole.resolve(heard),
    },
  });
  return { whole: whole.promise, begun: begun.promise, resume: () => void socket.resume() };
}

const heads = (words: Readonly<Record<string, string>>) =>
  Object.entries({ host: "x", ...words })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
/** By its answer to `expect` the server says that it has heard the question, whose body it now waits for. */
const halfAPost = (path: string, words: Readonly<Record<string, string>>) =>
  `POST ${path} HTTP/1.1\r\n${heads({ ...words, expect: "100-continue" })}\r\n`;

test("half a question, half a publication and whoever reads slowly keep nobody waiting", async () => {
  await using registry = await startServedRegistry({ bodySeconds: 3_600 });
  writeFileSync(join(registry.folder, "targets", "large.bin"), Buffer.alloc(64 * 2 ** 20));
  const said: string[] = [];
  for (const [text, isAnswered, reads] of [
    ["GET /metadata/time", false, false],
    [`GET /targets/large.bin HTTP/1.1\r\n${heads({})}\r\n`, true, false],
    [`${halfAPost("/api/v1/staged", { "content-length": "1000" })}abc`, true, true],
  ] as const) {
    const spoken = await speak(registry, text, reads);
    if (isAnswered) await spoken.begun;
    expect(await timed(() => registry.stop())).toBeLessThan(soonMs);
    spoken.resume();
    said.push(await spoken.whole);
    await registry.start();
  }
  // Who sends it is told to come again.
  expect(said[2]).toMatch(/HTTP\/1.1 503 .*retry-after: 2.*"REGISTRY_BUSY"/s);
}, 120_000);

test("a publication that has come is finished, and is there afterwards; another has left nothing", async () => {
  await using registry = await startServedRegistry({ bodySeconds: 3_600 });
  const { signer } = createSigner();
  const sent = (version: string) => {
    const release = { kind: "plugins", id: "finished", version } as const;
    return parcel({ url: registry.url, publisher: "ada", signer, release, now: systemClock.now() });
  };
  const statusOf = async (version: string) => (await registry.get(`/api/v1/packages/plugins/finished/${version}`)).status;

  const { body, headers } = await sent("1.0.0");
  const words = { ...headers, "content-length": `${body.length}` };
  const half = Buffer.concat([Buffer.from(halfAPost("/api/v1/publish", words)), body.subarray(0, body.length / 2)]);
  const broken = await speak(registry, half, true);
  await broken.begun;
  await registry.stop();
  expect(await broken.whole).toContain('"REGISTRY_BUSY"');
  await registry.start();
  expect(await statusOf("1.0.0")).toBe(404);

  const own = new Set([...treeOf(registry.pid)].map(({ pid }) => pid));
  const answered: Promise<Answer> = post(registry.url, await sent("1.0.1"));
  // What has come whole is looked through by a process of its own, which stands still here until nobody is heard any more.
  const scanner = () => [...treeOf(registry.pid)].find(({ pid }) => !own.has(pid))?.pid;
  let scanning = scanner();
  for (; scanning === undefined; scanning = scanner()) await (await registry.get("/api/v1/")).json();
  process.kill(scanning, "SIGSTOP");
  const stopped = registry.stop();
  let isHeard = true;
  while (isHeard)
    isHeard = await registry.get("/api/v1/").then(
      (response) => response.text().then(() => true),
      () => false,
    ); // silent-ok: that it is refused is awaited
  process.kill(scanning, "SIGCONT");
  expect(await answered).toMatchObject({ status: 201 });
  expect(await stopped).toBe(0);
  await registry.start();
  expect(await statusOf("1.0.1")).toBe(200);
  expect(await registry.cli.pincer(["registry", "verify", registry.folder])).toMatchObject({ code: 0 });
}, 120_000);
