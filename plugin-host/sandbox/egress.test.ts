import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { type EgressEvent, type EgressOptions, serveEgress } from "./egress.ts";
import { admission } from "./rules.ts";

const folder = mkdtempSync(join(tmpdir(), "egress-"));
afterAll(() => rmSync(folder, { recursive: true }));
const PUBLIC = "93.184.216.34";
const RULES = ["api.example.com:443", "nas.local:443", "127.0.0.1:9"];

/** What stands for the internet: answers with what it was sent, upside down, once the far side has ended. */
const echo = createServer({ allowHalfOpen: true }, (socket) => {
  let said = "";
  socket.on("data", (chunk) => {
    said += chunk;
  });
  socket.on("end", () => socket.end(said.toUpperCase()));
});
beforeAll(() => new Promise<void>((resolve) => void echo.listen(0, "127.0.0.1", resolve)));
afterAll(() => void echo.close());

let count = 0;
async function open(options: Partial<EgressOptions> = {}, port = (echo.address() as AddressInfo).port) {
  const told: EgressEvent[] = [];
  const dialled: string[] = [];
  const waiting: (() => void)[] = [];
  const path = join(folder, `${count++}`);
  const clock = createManualClock();
  const egress = await serveEgress({
    path,
    admits: admission(RULES, { own: () => [] }),
    clock,
    limits: { connections: 8, connectMs: 1_000 },
    resolve: async () => [PUBLIC],
    dialled: (address, at) => {
      dialled.push(`${address}:${at}`);
      return { hostname: "127.0.0.1", port };
    },
    told: (event) => {
      told.push(event);
      for (const look of waiting) look();
    },
    ...options,
  });
  return {
    told,
    dialled,
    clock,
    client: (said?: string | Buffer): Socket => {
      const socket = connect({ path, allowHalfOpen: true });
      socket.on("error", () => undefined);
      if (said !== undefined) socket.write(said);
      return socket;
    },
    /** Once so many things were told. */
    until: (events: number) =>
      new Promise<void>((resolve) => {
        const look = () => told.length >= events && resolve();
        waiting.push(look);
        look();
      }),
    [Symbol.asyncDispose]: () => egress[Symbol.asyncDispose](),
  };
}
const ask = (target: string) => `CONNECT ${target} HTTP/1.1\r\n\r\n`;
const OK = "HTTP/1.1 200 OK\r\n\r\n";

test("what is declared is dialled at the address that was judged, and bytes pass both ways, each direction until it ends", async () => {
  await using egress = await open();
  const client = egress.client(`${ask("API.example.com:443")}early, `);
  client.end("late");
  expect(await text(client)).toBe(`${OK}EARLY, LATE`);
  await egress.until(2);
  expect(egress.dialled).toEqual([`${PUBLIC}:443`]);
  const target = { host: "api.example.com", port: 443, admitted: true };
  expect(egress.told).toEqual([target, { ...target, bytes: { sent: 11, received: 11 } }]);
  expect(egress.clock.timers).toBe(0);
});

test("what is not declared is refused, told, and never dialled", async () => {
  await using egress = await open();
  for (const target of ["api.example.com:80", "evil.example.com:443", "127.0.0.1:443", "10.0.0.1:443", "[::1]:9", "[::ffff:7f00:1]:443"]) {
    expect(await text(egress.client(ask(target)))).toStartWith("HTTP/1.1 403 ");
    expect(egress.told.at(-1)).toMatchObject({ host: target.slice(0, target.lastIndexOf(":")), admitted: false, why: "not declared" });
  }
  expect(egress.dialled).toEqual([]);
});

describe("a name", () => {
  test("that led to a public address leads nowhere once it leads to a private one", async () => {
    const answers = [[PUBLIC], ["127.0.0.1"], ["192.168.1.1"]];
    await using egress = await open({ resolve: async () => answers.shift()! });
    const first = egress.client(ask("api.example.com:443"));
    first.end();
    expect(await text(first)).toBe(OK);
    expect(await text(egress.client(ask("api.example.com:443")))).toStartWith("HTTP/1.1 403 ");
    expect(await text(egress.client(ask("api.example.com:443")))).toStartWith("HTTP/1.1 403 ");
    expect(egress.dialled).toEqual([`${PUBLIC}:443`]);
  });

  test("is looked up once for each connection, so that what is dialled is what was judged", async () => {
    let asked = 0;
    await using egress = await open({ resolve: async () => (asked++ === 0 ? [PUBLIC] : ["127.0.0.1"]) });
    const client = egress.client(ask("api.example.com:443"));
    client.end();
    expect(await text(client)).toBe(OK);
    expect(asked).toBe(1);
  });

  test("that leads to a public and a private address leads nowhere", async () => {
    await using egress = await open({ resolve: async () => [PUBLIC, "10.0.0.1"] });
    expect(await text(egress.client(ask("api.example.com:443")))).toStartWith("HTTP/1.1 403 ");
    expect(egress.told).toEqual([
      { host: "api.example.com", port: 443, admitted: false, why: "the name leads to 10.0.0.1, which is not public" },
    ]);
    expect(egress.dialled).toEqual([]);
  });

  test("whose first address is deaf is reached at its second", async () => {
    await using egress = await open({
      resolve: async () => [PUBLIC, "8.8.8.8"],
      dialled: (address) => ({ hostname: "127.0.0.1", port: address === PUBLIC ? 1 : (echo.address() as AddressInfo).port }),
    });
    const client = egress.client(ask("api.example.com:443"));
    client.end("there");
    expect(await text(client)).toBe(`${OK}THERE`);
  });

  test("that nobody answers at is told as admitted and not reached", async () => {
    await using egress = await open({ dialled: () => ({ hostname: "127.0.0.1", port: 1 }) });
    expect(await text(egress.client(ask("api.example.com:443")))).toStartWith("HTTP/1.1 403 ");
    expect(egress.told).toMatchObject([{ admitted: true, why: expect.stringContaining("connect") }]);
  });
});

describe("a request", () => {
  test.each([
    ["GET http://api.example.com:443/ HTTP/1.1\r\n\r\n"],
    ["CONNECT api.example.com:443 HTTP/1.0\r\n\r\n"],
    ["CONNECT  api.example.com:443 HTTP/1.1\r\n\r\n"],
    ["CONNECT api.example.com:443\tHTTP/1.1\r\n\r\n"],
    ["CONNECT api.example.com:443 HTTP/1.1\n\n\r\n\r\n"],
    ["CONNECT api.example.com:443 HTTP/1.1\r\nCONNECT 127.0.0.1:9 HTTP/1.1\r\n\r\n"],
    ["CONNECT api.example.com:443\r\nx: 127.0.0.1:9 HTTP/1.1\r\n\r\n"],
    ["CONNECT api.example.com\0.evil.net:443 HTTP/1.1\r\n\r\n"],
    ["CONNECT evil.net#@api.example.com:443 HTTP/1.1\r\n\r\n"],
    ["CONNECT api.example.com%00:443 HTTP/1.1\r\n\r\n"],
    ["CONNECT user@api.example.com:443 HTTP/1.1\r\n\r\n"],
    ["CONNECT http://api.example.com:443 HTTP/1.1\r\n\r\n"],
    ["CONNECT api.example.com:0443 HTTP/1.1\r\n\r\n"],
    ["CONNECT api.example.com:443:80 HTTP/1.1\r\n\r\n"],
    ["CONNECT api.example.com: HTTP/1.1\r\n\r\n"],
    ["CONNECT [fe80::1%lo]:443 HTTP/1.1\r\n\r\n"],
    ["CONNECT \u0430pi.example.com:443 HTTP/1.1\r\n\r\n"],
    ["\r\nCONNECT api.example.com:443 HTTP/1.1\r\n\r\n"],
    [`CONNECT api.example.com:443 HTTP/1.1\r\nx: ${"y".repeat(4_000)}\r\n\r\n`],
    ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"],
  ])("that is not exactly CONNECT to one place is refused: %j", async (said) => {
    await using egress = await open();
    expect(await text(egress.client(said))).toStartWith("HTTP/1.1 403 ");
    expect(egress.told).toEqual([{ host: "", port: 0, admitted: false, why: "expected CONNECT host:port HTTP/1.1" }]);
    expect(egress.dialled).toEqual([]);
  });

  test("may come byte by byte, with headers, and what follows it goes on", async () => {
    await using egress = await open();
    const client = egress.client();
    await new Promise<void>((resolve) => client.once("connect", resolve));
    for (const byte of "CONNECT api.example.com:443 HTTP/1.1\r\nHost: evil.net:80\r\nProxy-Connection: keep-alive\r\n\r\nwords") {
      await new Promise((resolve) => client.write(byte, resolve));
    }
    client.end();
    expect(await text(client)).toBe(`${OK}WORDS`);
  });

  test("that does not come, or whose name nobody looks up, ends in time", async () => {
    await using egress = await open({ resolve: () => new Promise(() => undefined) });
    const [silent, waiting] = [egress.client("CONNECT api"), egress.client(ask("api.example.com:443"))];
    await egress.clock.armed(2);
    const said = Promise.all([text(silent), text(waiting)]);
    await new Promise((resolve) => setImmediate(resolve));
    await egress.clock.advance(1_000);
    await said;
    expect(egress.told.map(({ why }) => why).sort()).toEqual(["no connection came about in time", "nothing was asked for in time"]);
    expect(egress.clock.timers).toBe(0);
  });
});

test("more connections than the limit are closed at once, and others when the egress ends", async () => {
  const egress = await open({ limits: { connections: 2, connectMs: 1_000 } });
  const held = [egress.client(ask("api.example.com:443")), egress.client(ask("api.example.com:443"))];
  await egress.until(2);
  const third = egress.client();
  await new Promise((resolve) => third.resume().once("end", resolve));
  expect(egress.told.at(-1)).toEqual({ host: "", port: 0, admitted: false, why: "2 connections are open, which is the limit" });
  const ends = held.map(text);
  await egress[Symbol.asyncDispose]();
  expect(await Promise.all(ends)).toEqual([OK, OK]);
  expect(egress.clock.timers).toBe(0);
});

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
  await using egress = await open({}, (fountain.address() as AddressInfo).port);
  const client = egress.client(ask("api.example.com:443"));
  client.pause();
  await idle.promise;
  // Turns of the loop, in which a pipe that does not hold back would take everything.
  for (let turn = 0; turn < 2_000; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(written).toBeLessThan(total / 2);
  const hash = new Bun.CryptoHasher("sha256");
  let received = 0;
  for await (const chunk of client) {
    hash.update(received === 0 ? (chunk as Buffer).subarray(OK.length) : chunk);
    received += (chunk as Buffer).length;
  }
  expect(received).toBe(total + OK.length);
  const expected = new Bun.CryptoHasher("sha256");
  for (let at = 0; at < total; at += block.length) expected.update(block);
  expect(hash.digest("hex")).toBe(expected.digest("hex"));
  fountain.close();
}, 30_000);
