import { expect, test } from "bun:test";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { EgressItem } from "@pincer/plugin-sdk/runtime/process-protocol";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { joinPeers, quiet } from "@pincer/plugin-sdk/testing/peers";
import { createEgress } from "./egress.ts";
import { admission } from "./rules.ts";

/** A connection of a plugin's to a server of this machine. */
async function connect(server: Server) {
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const limits = { connections: 1, connectMs: 1_000 };
  const { near } = joinPeers(createEgress({ admits: admission([target]), clock: createManualClock(), limits, told: () => undefined }));
  const items = near.stream("egress", { target }, quiet) as AsyncGenerator<EgressItem, unknown, void>;
  const { connection } = (await items.next()).value as { readonly connection: number };
  return {
    items,
    write: (text: string) => near.call("egress.write", { connection, bytes: Buffer.from(text) }, quiet),
    finish: () => near.call("egress.finish", { connection }, quiet),
  };
}

test("who reads slowly slows who writes, and nothing is lost or kept", async () => {
  const total = 64 * 1024 * 1024;
  const block = Buffer.alloc(64 * 1024, "0123456789abcdef");
  let written = 0;
  const idle = Promise.withResolvers<void>();
  const fountain = createServer((socket) => {
    socket.on("error", () => undefined);
    const pour = () => {
      while (written < total) {
        written += block.length;
        if (socket.write(block)) continue;
        socket.once("drain", pour);
        idle.resolve();
        return;
      }
      socket.end();
    };
    pour();
  });
  await new Promise<void>((resolve) => void fountain.listen(0, "127.0.0.1", resolve));
  const { items } = await connect(fountain);
  await idle.promise;
  // Turns of the loop, in which a pipe that does not hold back would take everything.
  for (let turn = 0; turn < 2_000; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(written).toBeLessThan(total / 2);
  const hash = new Bun.CryptoHasher("sha256");
  let received = 0;
  for await (const item of items) {
    if (!("chunk" in item)) continue;
    hash.update(item.chunk);
    received += item.chunk.length;
  }
  expect(received).toBe(total);
  const expected = new Bun.CryptoHasher("sha256");
  for (let at = 0; at < total; at += block.length) expected.update(block);
  expect(hash.digest("hex")).toBe(expected.digest("hex"));
  fountain.close();
}, 120_000);

test("who is written to slowly slows who sends, and nothing is lost", async () => {
  const total = 16 * 1024 * 1024;
  const block = Buffer.alloc(64 * 1024, "0123456789abcdef");
  const came = Promise.withResolvers<Socket>();
  const sink = createServer({ pauseOnConnect: true }, came.resolve);
  await new Promise<void>((resolve) => void sink.listen(0, "127.0.0.1", resolve));
  const connection = await connect(sink);
  let taken = 0;
  const sending = (async () => {
    for (let at = 0; at < total; at += block.length) {
      await connection.write(block.toString("latin1"));
      taken += block.length;
    }
    await connection.finish();
  })();
  const slow = await came.promise;
  for (let turn = 0; turn < 4_000; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(taken).toBeLessThan(total);
  let received = 0;
  slow.on("data", (chunk) => {
    received += chunk.length;
  });
  await new Promise((resolve) => slow.on("end", resolve).resume());
  await sending;
  expect(received).toBe(total);
  sink.close();
}, 120_000);
