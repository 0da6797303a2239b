import { afterEach, beforeEach, expect, test } from "bun:test";
import { type HttpFaults, startFaults } from "./faults.ts";

let done: string[];
let server: ReturnType<typeof Bun.serve>;
let faults: HttpFaults;
beforeEach(() => {
  done = [];
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const body = await request.text();
      done.push(`${request.method} ${pathname} ${body}`.trim());
      if (pathname === "/stream") return new Response("one two three four");
      if (pathname === "/page") return Response.json({ next: 2, items: [1, 2, 3] });
      return Response.json([1, 2, 3], { headers: { "x-kept": "yes" } });
    },
  });
  faults = startFaults(`http://127.0.0.1:${server.port}`);
});
afterEach(async () => {
  await faults[Symbol.asyncDispose]();
  await server.stop(true);
});
const get = async (path: string, init?: RequestInit) => {
  const response = await fetch(`${faults.url}${path}`, init);
  return response.ok ? response.text() : response.status;
};
const broken = (path: string) => expect(get(path)).rejects.toThrow();

test("what has no fault passes as it is, both ways", async () => {
  const response = await fetch(`${faults.url}/list?a=1`, { method: "POST", body: "hello", headers: { "x-mine": "1" } });
  expect([response.status, response.headers.get("x-kept"), await response.json()]).toEqual([200, "yes", [1, 2, 3]]);
  expect(done).toEqual(["POST /list hello"]);
  expect(faults.requests).toEqual([{ method: "POST", path: "/list?a=1" }]);
});

test("a fault meets the next request of its kind, and no other", async () => {
  faults.next({ method: "POST", path: "/list" }, "unavailable", "rejected");
  expect(await get("/list")).toBe("[1,2,3]");
  expect(await get("/other", { method: "POST" })).toBe("[1,2,3]");
  expect(await get("/list", { method: "POST" })).toBe(503);
  expect(await get("/list", { method: "POST" })).toBe(400);
  expect(await get("/list", { method: "POST" })).toBe("[1,2,3]");
});

test("refused does nothing, lost does it and tells nobody, cut tells half of it", async () => {
  faults.next({}, "refused", "lost", "cut");
  await broken("/list");
  expect(done).toEqual([]);
  await broken("/list");
  expect(done).toEqual(["GET /list"]);
  const half = await fetch(`${faults.url}/stream`);
  expect(half.status).toBe(200);
  const seen: string[] = [];
  const reading = (async () => {
    for await (const piece of half.body!.pipeThrough(new TextDecoderStream())) seen.push(piece);
  })();
  await expect(reading).rejects.toThrow();
  expect("one two three four").toStartWith(seen.join(""));
  expect(seen.join("").length).toBeLessThan(18);
});

test("a platform that asks to wait says for how long", async () => {
  faults.next({}, "rate-limited");
  const response = await fetch(`${faults.url}/list`);
  expect([response.status, response.headers.get("retry-after")]).toEqual([429, "2"]);
});

test("lists come twice or backwards, wherever in the answer they are", async () => {
  faults.next({}, "duplicate", "reorder", "reorder");
  expect(await get("/list")).toBe("[1,1,2,2,3,3]");
  expect(await get("/list")).toBe("[3,2,1]");
  expect(await get("/page")).toBe('{"next":2,"items":[3,2,1]}');
});

test("a held answer waits, and the others do not", async () => {
  const gate = Promise.withResolvers<void>();
  faults.next({ path: "/page" }, { held: gate.promise });
  let come = false;
  const held = get("/page").then((text) => {
    come = true;
    return text;
  });
  expect(await get("/list")).toBe("[1,2,3]");
  expect(come).toBe(false);
  gate.resolve();
  expect(await held).toContain("items");
});

test("a disconnection breaks what runs and what begins, until it is over", async () => {
  const gate = Promise.withResolvers<void>();
  faults.next({}, { held: gate.promise });
  const running = get("/list");
  running.catch(() => undefined); // silent-ok: it is looked at below
  while (faults.requests.length === 0) await new Promise((turn) => setImmediate(turn));
  faults.disconnect();
  await expect(running).rejects.toThrow();
  await broken("/list");
  faults.connect();
  expect(await get("/list")).toBe("[1,2,3]");
  gate.resolve();
});

test("a WebSocket goes through, meets what its request meets, and ends with a disconnection", async () => {
  await using other = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, server) => (server.upgrade(request) ? (undefined as unknown as Response) : new Response("no", { status: 400 })),
    websocket: { message: (socket, text) => void socket.send(`${text}, ${text}`) },
  });
  await using road = startFaults(`http://127.0.0.1:${other.port}`);
  const socket = () => {
    const made = new WebSocket(road.url.replace("http", "ws"));
    const closed = new Promise<number>((resolve) => {
      made.onclose = ({ code }) => resolve(code);
    });
    return { made, closed };
  };
  const { made, closed } = socket();
  const said = new Promise((resolve) => {
    made.onmessage = ({ data }) => resolve(data);
  });
  made.onopen = () => made.send("x".repeat(100_000));
  expect(await said).toBe(`${"x".repeat(100_000)}, ${"x".repeat(100_000)}`);
  road.disconnect();
  expect(await closed).toBe(1006);
  road.connect();
  for (const fault of ["refused", "lost", "unavailable"] as const) {
    road.next({}, fault);
    expect(await socket().closed).toBeGreaterThanOrEqual(1002);
  }
});
