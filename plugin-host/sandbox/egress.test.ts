import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type AddressInfo, createServer } from "node:net";
import type { EgressItem } from "@pincer/plugin-sdk/runtime/process-protocol";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { joinPeers, quiet } from "@pincer/plugin-sdk/testing/peers";
import { createEgress, type EgressEvent, type EgressOptions } from "./egress.ts";
import { admission } from "./rules.ts";

const PUBLIC = "93.184.216.34";
const RULES = ["api.example.com:443", "nas.local:443", "127.0.0.1:9"];

/** What stands for the internet: answers with what it was sent, upside down, once the far side has ended. */
const echo = createServer({ allowHalfOpen: true }, (socket) => {
  let said = "";
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    said += chunk;
  });
  socket.on("end", () => socket.end(said.toUpperCase()));
});
beforeAll(() => new Promise<void>((resolve) => void echo.listen(0, "127.0.0.1", resolve)));
afterAll(() => void echo.close());

async function open(options: Partial<EgressOptions> = {}, port = (echo.address() as AddressInfo).port) {
  const told: EgressEvent[] = [];
  const dialled: string[] = [];
  const waiting: (() => void)[] = [];
  const clock = createManualClock();
  const egress = createEgress({
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
  const { near, far } = joinPeers(egress);
  return {
    told,
    dialled,
    clock,
    near,
    running: () => far.running,
    /** A connection that stands; rejects when it does not come about. */
    async connect(target: unknown) {
      const items = near.stream("egress", { target }, quiet) as AsyncGenerator<EgressItem, unknown, void>;
      const { value } = await items.next();
      const { connection } = value as { readonly connection: number };
      return {
        items,
        write: (text: string) => near.call("egress.write", { connection, bytes: Buffer.from(text) }, quiet),
        finish: () => near.call("egress.finish", { connection }, quiet),
        /** Everything that it is told from here on. */
        async heard() {
          const chunks: Uint8Array[] = [];
          for await (const item of items) if ("chunk" in item) chunks.push(item.chunk);
          return Buffer.concat(chunks).toString();
        },
      };
    },
    refusal: async (target: unknown) =>
      near
        .stream("egress", { target }, quiet)
        .next()
        .then(
          () => "it stands",
          (error) => error.code as string,
        ),
    /** Once so many things were told. */
    until: (events: number) =>
      new Promise<void>((resolve) => {
        const look = () => told.length >= events && resolve();
        waiting.push(look);
        look();
      }),
    [Symbol.dispose]: () => egress[Symbol.dispose](),
  };
}

test("what is declared is dialled at the address that was judged, and bytes pass both ways, each direction until it ends", async () => {
  using egress = await open();
  const connection = await egress.connect("API.example.com:443");
  await connection.write("early, ");
  await connection.write("late");
  await connection.finish();
  expect(await connection.heard()).toBe("EARLY, LATE");
  await egress.until(2);
  expect(egress.dialled).toEqual([`${PUBLIC}:443`]);
  const target = { host: "api.example.com", port: 443, admitted: true };
  expect(egress.told).toEqual([target, { ...target, bytes: { sent: 11, received: 11 } }]);
  expect(egress.clock.timers).toBe(0);
});

test("what one side has ended, the other may go on with", async () => {
  const late = createServer({ allowHalfOpen: true }, (socket) => {
    socket.end("first");
    let said = "";
    socket.on("data", (chunk) => {
      said += chunk;
    });
    socket.on("end", () => heard.resolve(said));
  });
  const heard = Promise.withResolvers<string>();
  await new Promise<void>((resolve) => void late.listen(0, "127.0.0.1", resolve));
  using egress = await open({}, (late.address() as AddressInfo).port);
  const connection = await egress.connect("api.example.com:443");
  expect(await connection.heard()).toBe("first");
  await connection.write("second");
  await connection.finish();
  expect(await heard.promise).toBe("second");
  await egress.until(2);
  expect(egress.told.at(-1)).toMatchObject({ bytes: { sent: 6, received: 5 } });
  late.close();
});

test("what is not declared is refused, told, and never dialled", async () => {
  using egress = await open();
  for (const target of ["api.example.com:80", "evil.example.com:443", "127.0.0.1:443", "10.0.0.1:443", "[::1]:9", "[::ffff:7f00:1]:443"]) {
    expect(await egress.refusal(target)).toBe("PLUGIN_PERMISSION");
    expect(egress.told.at(-1)).toMatchObject({ host: target.slice(0, target.lastIndexOf(":")), admitted: false, why: "not declared" });
  }
  expect(egress.dialled).toEqual([]);
});

describe("a name", () => {
  test("that led to a public address leads nowhere once it leads to a private one", async () => {
    const answers = [[PUBLIC], ["127.0.0.1"], ["192.168.1.1"]];
    using egress = await open({ resolve: async () => answers.shift()! });
    const first = await egress.connect("api.example.com:443");
    await first.finish();
    expect(await first.heard()).toBe("");
    expect(await egress.refusal("api.example.com:443")).toBe("PLUGIN_PERMISSION");
    expect(await egress.refusal("api.example.com:443")).toBe("PLUGIN_PERMISSION");
    expect(egress.dialled).toEqual([`${PUBLIC}:443`]);
  });

  test("is looked up once for each connection, so that what is dialled is what was judged", async () => {
    let asked = 0;
    using egress = await open({ resolve: async () => (asked++ === 0 ? [PUBLIC] : ["127.0.0.1"]) });
    await egress.connect("api.example.com:443");
    expect(asked).toBe(1);
  });

  test("that leads to a public and a private address leads nowhere", async () => {
    using egress = await open({ resolve: async () => [PUBLIC, "10.0.0.1"] });
    expect(await egress.refusal("api.example.com:443")).toBe("PLUGIN_PERMISSION");
    expect(egress.told).toEqual([
      { host: "api.example.com", port: 443, admitted: false, why: "the name leads to 10.0.0.1, which is not public" },
    ]);
    expect(egress.dialled).toEqual([]);
  });

  test("whose first address is deaf is reached at its second", async () => {
    using egress = await open({
      resolve: async () => [PUBLIC, "8.8.8.8"],
      dialled: (address) => ({ hostname: "127.0.0.1", port: address === PUBLIC ? 1 : (echo.address() as AddressInfo).port }),
    });
    const connection = await egress.connect("api.example.com:443");
    await connection.write("there");
    await connection.finish();
    expect(await connection.heard()).toBe("THERE");
  });

  test("that nobody answers at is told as admitted and not reached", async () => {
    using egress = await open({ dialled: () => ({ hostname: "127.0.0.1", port: 1 }) });
    expect(await egress.refusal("api.example.com:443")).toBe("PLUGIN_PERMISSION");
    expect(egress.told).toMatchObject([{ admitted: true, why: expect.stringContaining("connect") }]);
  });
});

describe("a request", () => {
  test.each<[unknown]>([
    ["http://api.example.com:443"],
    [" api.example.com:443"],
    ["api.example.com:443 "],
    ["api.example.com:443\n"],
    ["api.example.com:443\r\n127.0.0.1:9"],
    ["api.example.com\0.evil.net:443"],
    ["evil.net#@api.example.com:443"],
    ["api.example.com%00:443"],
    ["user@api.example.com:443"],
    ["api.example.com:0443"],
    ["api.example.com:443:80"],
    ["api.example.com:"],
    ["[fe80::1%lo]:443"],
    ["\u0430pi.example.com:443"],
    [`${"y".repeat(4_000)}:443`],
    [undefined],
    [443],
    [["api.example.com:443", "127.0.0.1:9"]],
    [{ toString: "api.example.com:443" }],
  ])("that does not name one place and no more is refused: %j", async (target) => {
    using egress = await open();
    expect(await egress.refusal(target)).toMatch(/^PLUGIN_(PERMISSION|PROTOCOL)$/);
    expect(egress.dialled).toEqual([]);
  });

  test("for a connection that is none, or with what are no bytes, is refused", async () => {
    using egress = await open();
    await egress.connect("api.example.com:443");
    const ask = (target: string, params: unknown) => egress.near.call(target, params, quiet).catch((error) => error.code);
    expect(await ask("egress.write", { connection: 7, bytes: Buffer.from("x") })).toBe("PLUGIN_GONE");
    expect(await ask("egress.write", { connection: 1, bytes: "x" })).toBe("PLUGIN_PROTOCOL");
    expect(await ask("egress.write", null)).toBe("PLUGIN_GONE");
    expect(await ask("egress.toString", { connection: 1 })).toBe("PLUGIN_PROTOCOL");
    expect(await ask("egress", { connection: 1 })).toBe("PLUGIN_PROTOCOL");
  });

  test("whose name nobody looks up ends in time", async () => {
    using egress = await open({ resolve: () => new Promise(() => undefined) });
    const refused = egress.refusal("api.example.com:443");
    await egress.clock.armed(1);
    await egress.clock.advance(1_000);
    expect(await refused).toBe("PLUGIN_PERMISSION");
    expect(egress.told.map(({ why }) => why)).toEqual(["no connection came about in time"]);
    expect(egress.clock.timers).toBe(0);
  });

  test("that is given up leaves nothing", async () => {
    const looked = Promise.withResolvers<void>();
    using egress = await open({
      resolve: () => {
        looked.resolve();
        return new Promise(() => undefined);
      },
    });
    const given = new AbortController();
    const asked = egress.near.stream("egress", { target: "api.example.com:443" }, { signal: given.signal }).next();
    asked.catch(() => undefined);
    await looked.promise;
    given.abort();
    await expect(asked).rejects.toThrow();
    expect([egress.running(), egress.clock.timers]).toEqual([0, 0]);
  });
});

test("more connections than the limit are refused, one that is left makes room, and others end with the egress", async () => {
  const egress = await open({ limits: { connections: 2, connectMs: 1_000 } });
  const [first, second] = [await egress.connect("api.example.com:443"), await egress.connect("api.example.com:443")];
  expect(await egress.refusal("api.example.com:443")).toBe("PLUGIN_PERMISSION");
  expect(egress.told.at(-1)).toMatchObject({ admitted: false, why: "2 connections are open, which is the limit" });
  await first.items.return(undefined);
  const third = await egress.connect("api.example.com:443");
  egress[Symbol.dispose]();
  expect(await Promise.all([second.heard(), third.heard()])).toEqual(["", ""]);
  expect(egress.clock.timers).toBe(0);
});

test("one that is given up counts until what it waits for has come to something, since that cannot be called back", async () => {
  const looking: (() => void)[] = [];
  using egress = await open({ resolve: () => new Promise((found) => looking.push(() => found([PUBLIC]))) });
  const ask = async () => {
    const left = new AbortController();
    const first = egress.near.stream("egress", { target: "api.example.com:443" }, { signal: left.signal }).next();
    const outcome = first.then(
      () => "it stands",
      (error) => (error as Error).message,
    );
    await egress.near.ping();
    left.abort(new Error("it left"));
    return outcome;
  };
  const outcomes: string[] = [];
  for (let n = 0; n < 20; n++) outcomes.push(await ask());
  expect(outcomes.filter((outcome) => outcome.includes("8 connections are open, which is the limit")).length).toBe(12);
  for (const found of looking.splice(0)) found();
  await egress.near.ping();
  expect(await ask()).toContain("The caller aborted it");
  expect([looking.length, egress.dialled]).toEqual([1, []]);
});
