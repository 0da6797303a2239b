/** A server that is told to end finishes the publications that have come, and waits for nobody who is slow. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createSigner } from "../../registry/trust/key.ts";
import { type Answer, parcel, post } from "./parcel.ts";
import { startServedRegistry } from "./served-registry.ts";

/** Far less than any of the server's own bounds for somebody who is slow, and enough for a machine that is busy. */
const soonMs = 5_000;

async function timed(run: () => Promise<number>): Promise<number> {
  const began = systemClock.monotonic();
  expect(await run()).toBe(0);
  return systemClock.monotonic() - began;
}

test("half a question, half a publication and whoever reads slowly keep nobody waiting", async () => {
  await using registry = await startServedRegistry();
  writeFileSync(join(registry.folder, "targets", "large.bin"), Buffer.alloc(64 * 2 ** 20));
  const { port } = new URL(registry.url);
  const said: string[] = [];
  for (const [text, isRead] of [
    ["GET /metadata/time", false],
    ["GET /targets/large.bin HTTP/1.1\r\nhost: x\r\n\r\n", false],
    ["POST /api/v1/staged HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc", true],
  ] as const) {
    const over = Promise.withResolvers<void>();
    let heard = "";
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: Number(port),
      socket: {
        open(opened) {
          if (!isRead) opened.pause();
          opened.write(text);
        },
        data(_socket, bytes) {
          heard += bytes.toString();
        },
        close: () => over.resolve(),
      },
    });
    // By when it is answered the other one has been heard too.
    for (let asked = 0; asked < 3; asked++) await (await registry.get("/api/v1/")).json();
    expect(await timed(() => registry.stop())).toBeLessThan(soonMs);
    socket.resume();
    await over.promise;
    said.push(heard);
    await registry.start();
  }
  // Who sends it is told to come again.
  expect(said[2]).toMatch(/^HTTP\/1.1 503 .*retry-after: 2.*"REGISTRY_BUSY"/s);
}, 60_000);

test("a publication that has come is finished, and is there afterwards; another has left nothing", async () => {
  await using registry = await startServedRegistry();
  const { signer } = createSigner();
  const seen = new Set<string>();
  // Long enough to look through that somebody else is answered meanwhile.
  const files = { "notes.md": "What the weather is.\n".repeat(20_000) };
  // With more answers between, until it had come when the server was told to end.
  for (let round = 0; round < 8 && !seen.has("201"); round++) {
    const release = { kind: "plugins", id: "finished", version: `1.0.${round}` } as const;
    const sent = await parcel({ url: registry.url, publisher: "ada", signer, release, files, now: systemClock.now() });
    const answered: Promise<Answer | undefined> = post(registry.url, sent).catch(() => undefined);
    for (let asked = 0; asked < 2 * round; asked++) await (await registry.get("/api/v1/")).json();
    await registry.stop();
    const answer = await answered;
    seen.add(String(answer?.status));
    if (answer && answer.status !== 201) expect(answer).toMatchObject({ status: 503, code: "REGISTRY_BUSY", retryAfter: "2" });
    await registry.start();
    const found = await registry.get(`/api/v1/packages/plugins/finished/${release.version}`);
    expect(found.status).toBe(answer?.status === 201 ? 200 : 404);
  }
  expect(await registry.cli.pincer(["registry", "verify", registry.folder])).toMatchObject({ code: 0 });
  expect([...seen]).toContain("201");
}, 120_000);
