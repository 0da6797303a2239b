import { expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { type Exchange, serveHttp } from "@pincer/plugin-sdk/testing/http-server";
import { attentiveFetch } from "../tests/support/attentive-fetch.ts";
import { RegistryError } from "./error.ts";
import { type HttpSourceOptions, httpSource } from "./http-source.ts";
import { joined } from "./source.ts";

const text = "all that belongs to the file".repeat(100);
const bytes = Buffer.from(text);

/** `rejects` would run the event loop itself until the promise has settled, and wait a second for each turn that a driven clock takes. */
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error) => error,
  );

const idleMs = 30_000;

interface Reading {
  read(path?: string, over?: Partial<HttpSourceOptions>): Promise<string>;
  readonly asked: readonly Exchange[];
  /** Time passes without a byte. */
  idle(): Promise<void>;
}

/** Waits that were asked for pass at once; the one for a byte that does not come passes when the test says so. */
async function withServer(
  handle: (exchange: Exchange, request: number) => Promise<void> | void,
  use: (reading: Reading) => Promise<void>,
): Promise<void> {
  const asked: Exchange[] = [];
  await using server = serveHttp((exchange) => handle(exchange, asked.push(exchange) - 1));
  const clock = createManualClock(Date.parse("2031-05-04T10:00:00Z"));
  const passing: HttpSourceOptions["clock"] = {
    now: () => clock.now(),
    sleep: (ms, signal) => (ms === idleMs ? clock.sleep(ms, signal) : clock.advance(ms)),
  };
  await use({
    asked,
    idle: () => clock.advance(idleMs),
    read: async (path = "metadata/timestamp.json", over = {}) => {
      const source = httpSource({ url: `${server.origin}/registry`, clock: passing, fetch, ...over });
      return String(Buffer.from(await joined(source.read(path, { limit: bytes.length }))));
    },
  });
}

test("a file is read, below the registry's address", async () => {
  await withServer(
    (exchange) => exchange.send(200, text),
    async ({ read, asked }) => {
      expect(await read("targets/a b/ü.tgz")).toBe(text);
      expect(asked.map(({ path }) => path)).toEqual(["/registry/targets/a%20b/%C3%BC.tgz"]);
    },
  );
});

test("where nobody listens it is said what one can look at, while it waits and at the end", async () => {
  const { origin } = await (async () => {
    await using server = serveHttp(() => undefined);
    return server;
  })();
  const said = "nothing listens at that address: does the server run, and is the port right?";
  const waits: string[] = [];
  const clock = { now: () => 0, sleep: (ms: number) => (ms === idleMs ? new Promise<void>(() => {}) : Promise.resolve()) };
  const source = httpSource({ url: origin, clock, fetch: (url, init) => fetch(url, init), onWait: (why) => void waits.push(why) });
  expect(await failureOf(joined(source.read("a.json", { limit: 10 })))).toMatchObject({ message: `${origin}/a.json: ${said}` });
  expect(waits).toEqual(Array(3).fill(`${new URL(origin).host}: ${said}`));
});

for (const hasRanges of [true, false])
  test(`what breaks off goes on where it broke off (${hasRanges ? "with" : "without"} ranges)`, async () => {
    const answer = async (exchange: Exchange, request: number) => {
      const from = hasRanges ? Number(/bytes=(\d+)-/.exec(exchange.headers.get("range") ?? "")?.[1] ?? 0) : 0;
      const head = {
        "content-length": String(bytes.length - from),
        ...(from > 0 && { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
      };
      exchange.begin(from > 0 ? 206 : 200, head);
      const until = request < 3 ? 700 * (request + 1) : bytes.length;
      await exchange.write(bytes.subarray(from, until));
      if (request < 3) exchange.reset();
      else exchange.end();
    };
    await withServer(answer, async ({ read, asked }) => {
      expect(await read()).toBe(text);
      expect(asked).toHaveLength(4);
    });
  });

test("who asks to be left alone is left alone as long as he asks, in seconds and until a date", async () => {
  const waited: number[] = [];
  const answer = (exchange: Exchange, request: number) => {
    if (request === 0) return exchange.send(429, "", { "retry-after": "7" });
    if (request === 1) return exchange.send(503, "", { "retry-after": "Sun, 04 May 2031 10:00:20 GMT" });
    exchange.send(200, text);
  };
  await withServer(answer, async ({ read }) => {
    expect(await read(undefined, { onWait: (_why, ms) => void waited.push(ms) })).toBe(text);
    expect(waited).toEqual([7000, 13_000]);
  });
  await withServer(
    (exchange) => exchange.send(429, "", { "retry-after": "86400" }),
    async ({ read, asked }) => {
      expect(await failureOf(read())).toMatchObject({ code: "REGISTRY_UNREACHABLE", message: expect.stringContaining("86400 s") });
      expect(asked).toHaveLength(1);
    },
  );
});

test("a limit on the rate that says when it ends, and nothing else, is waited for until then", async () => {
  const waited: number[] = [];
  const answer = (exchange: Exchange, request: number) => {
    if (request === 0) return exchange.send(429, "", { "ratelimit-reset": "9", "x-ratelimit-reset": "1" });
    if (request === 1) return exchange.send(429, "", { "x-ratelimit-reset": String(Date.parse("2031-05-04T10:00:30Z") / 1000) });
    if (request === 2) return exchange.send(500, "", { "ratelimit-reset": "50" });
    exchange.send(200, text);
  };
  await withServer(answer, async ({ read }) => {
    expect(await read(undefined, { onWait: (_why, ms) => void waited.push(ms) })).toBe(text);
    expect(waited).toEqual([9000, 21_000, 2000]);
  });
});

test("why a server refuses is told, on one line and without what a terminal would obey", async () => {
  const answer = (exchange: Exchange) =>
    exchange.send(403, `\u001b[2JThis skill is\nunavailable.${" more".repeat(100)}`, { "content-type": "text/plain; charset=utf-8" });
  await withServer(answer, async ({ read }) => {
    const { message } = (await failureOf(read())) as Error;
    expect(message).toContain("is not there (403): [2JThis skill is unavailable. more");
    expect(message.length).toBeLessThan(500);
  });
});

test("who does not answer is asked four times", async () => {
  for (const status of [500, 502, 429])
    await withServer(
      (exchange) => exchange.send(status, "down"),
      async ({ read, asked }) => {
        expect(await failureOf(read())).toMatchObject({ code: "REGISTRY_UNREACHABLE", message: expect.stringContaining(String(status)) });
        expect(asked).toHaveLength(4);
      },
    );
  await withServer(
    (exchange) => exchange.reset(),
    async ({ read, asked }) => {
      expect(await failureOf(read())).toMatchObject({ code: "REGISTRY_UNREACHABLE" });
      expect(asked).toHaveLength(4);
    },
  );
});

test("what is not there is not asked for again, and neither is what is refused", async () => {
  for (const [status, code] of [
    [404, "REGISTRY_NOT_FOUND"],
    [403, "REGISTRY_NOT_FOUND"],
    [410, "REGISTRY_NOT_FOUND"],
    [400, "REGISTRY_UNREACHABLE"],
    [401, "REGISTRY_UNREACHABLE"],
  ] as const)
    await withServer(
      (exchange) => exchange.send(status, ""),
      async ({ read, asked }) => {
        expect(await failureOf(read())).toMatchObject({ code });
        expect(asked).toHaveLength(1);
      },
    );
});

test("no more is taken than allowed", async () => {
  await withServer(
    (exchange) => exchange.send(200, `${text}x`),
    async ({ read }) => {
      expect(await failureOf(read())).toMatchObject({ code: "REGISTRY_TOO_LARGE" });
    },
  );
});

test("another address is followed inside, and never out of it without encryption", async () => {
  const inside = (exchange: Exchange, request: number) =>
    request === 0 ? exchange.send(302, "", { location: "/elsewhere" }) : exchange.send(200, text);
  await withServer(inside, async ({ read, asked }) => {
    expect(await read()).toBe(text);
    expect(asked[1]!.path).toBe("/elsewhere");
  });
  for (const location of ["http://127.0.0.1:1/secret", "http://169.254.169.254/latest", "file:///etc/passwd", "https://example.invalid/"])
    await withServer(
      (exchange) => exchange.send(302, "", { location }),
      async ({ read, asked }) => {
        expect(await failureOf(read())).toMatchObject({ code: "REGISTRY_UNREACHABLE", message: expect.stringContaining("may not lead") });
        expect(asked).toHaveLength(1);
      },
    );
  await withServer(
    (exchange) => exchange.send(301, "", { location: exchange.path }),
    async ({ read, asked }) => {
      expect(await failureOf(read())).toMatchObject({ code: "REGISTRY_UNREACHABLE", message: expect.stringContaining("on and on") });
      expect(asked).toHaveLength(4);
    },
  );
});

test("a server that answers with another part than was asked for is not believed", async () => {
  const answer = async (exchange: Exchange, request: number) => {
    if (request > 0) return exchange.send(206, "evil", { "content-range": "bytes 0-3/4" });
    exchange.begin(200, { "content-length": String(bytes.length) });
    await exchange.write(bytes.subarray(0, 100));
    exchange.reset();
  };
  await withServer(answer, async ({ read }) => {
    expect(await failureOf(read())).toMatchObject({ code: "REGISTRY_UNREACHABLE", message: expect.stringContaining("another part") });
  });
});

test("what stalls is given up, and so is what drips", async () => {
  const held = Promise.withResolvers<void>();
  const stall = async (exchange: Exchange) => {
    exchange.begin(200, { "content-length": String(bytes.length) });
    await exchange.write(bytes.subarray(0, 10));
    await held.promise;
  };
  await withServer(stall, async ({ read, idle, asked }) => {
    // Time passes once what was sent has come: what is still on its way would be heard in the middle of it.
    const { fetch: attentive, taken } = attentiveFetch();
    const path = "/registry/metadata/timestamp.json";
    let came = taken(path);
    const outcome = read(undefined, { fetch: attentive }).catch((error) => error);
    for (let request = 0; request < 4; request++) {
      await came;
      came = taken(path);
      await idle();
    }
    expect(await outcome).toMatchObject({ code: "REGISTRY_UNREACHABLE", message: expect.stringContaining("sends nothing") });
    expect(asked).toHaveLength(4);
    held.resolve();
  });
  let drops = 0;
  const drip = async (exchange: Exchange) => {
    exchange.begin(200, { "content-length": String(bytes.length) });
    for (; drops < bytes.length; drops++) await exchange.write(bytes.subarray(drops, drops + 1));
    exchange.end();
  };
  await withServer(drip, async ({ read }) => {
    // So much time passes whenever somebody looks that even all bytes at once, as a busy machine hands them on, are too few.
    let now = 0;
    const clock = {
      now: () => (now += 20_000),
      sleep: (_ms: number, signal?: AbortSignal) => new Promise<void>((_resolve, reject) => signal?.addEventListener("abort", reject)),
    };
    expect(await failureOf(read(undefined, { clock, limits: { patienceMs: 0 } }))).toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      message: expect.stringContaining("too few"),
    });
  });
});

test("who is told to stop since his time is up says how far he came; who has had enough says nothing of his own", async () => {
  const answer = async (exchange: Exchange) => {
    exchange.begin(200, { "content-length": String(bytes.length) });
    await exchange.write(bytes.subarray(0, 100));
  };
  for (const [reason, expected] of [
    [new RegistryError("REGISTRY_UNREACHABLE", "the time is up"), /^the time is up: of http:\/\/.*\/registry\/x 100 bytes had come$/],
    [new Error("enough"), /^enough$/],
  ] as const) {
    await using server = serveHttp(answer);
    const control = new AbortController();
    const source = httpSource({ url: `${server.origin}/registry`, clock: createManualClock(), fetch });
    let came = 0;
    const reading = (async () => {
      for await (const part of source.read("x", { limit: bytes.length, signal: control.signal })) {
        came += part.length;
        if (came === 100) control.abort(reason);
      }
    })();
    expect(await failureOf(reading)).toMatchObject({ message: expect.stringMatching(expected) });
  }
});
