import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import type { RouteBinding } from "../../plugin-host/bindings.ts";
import { openStore } from "../../store/sqlite.ts";
import { type BusHost, startBus } from "../../tests/support/bus.ts";
import { dyingWriter } from "../../tests/support/dying-writer.ts";
import { openRawSocket } from "../../tests/support/raw-socket.ts";
import { busMigrations } from "./idempotency.ts";

const route = (prefix: string, access: "token" | "open", handle: (request: Request) => Response | Promise<Response>): RouteBinding => ({
  prefix,
  access,
  handle: async (request) => handle(request),
});
const get = (host: BusHost, path: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
  fetch(new URL(path, host.url), { redirect: "manual", ...init, headers });

/** One request as it is written, which no client would send. */
function rawRequest(host: BusHost, ...lines: string[]): Promise<string> {
  const { port } = new URL(host.url);
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(Number(port), "127.0.0.1", () => socket.write(`${[...lines, "Connection: close"].join("\r\n")}\r\n\r\n`));
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString();
    });
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
  });
}

test("liveness needs no credential and says nothing more", async () => {
  await using host = await startBus({ starting: true });
  for (const path of ["/health", "/healthz"]) {
    const response = await get(host, path);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ ok: true, status: "live" });
  }
  expect((await get(host, "/health", {}, { method: "HEAD" })).status).toBe(200);
});

test("readiness waits for the gateway, and is told in detail only to this machine and to whoever has the token", async () => {
  const folder = await mkdtemp(join(tmpdir(), "pincer-readiness-"));
  const store = await openStore({ path: join(folder, "store.db"), migrations: busMigrations, writer: dyingWriter(folder) });
  await using host = await startBus({ starting: true, deps: { store } });
  expect((await get(host, "/startupz")).status).toBe(503);
  expect((await get(host, "/ready")).status).toBe(503);
  await host.bus.ready();
  expect((await get(host, "/startupz")).status).toBe(200);
  for (const path of ["/ready", "/readyz"]) {
    const response = await get(host, path);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ ready: true, failing: [], uptimeMs: expect.any(Number), eventLoop: { degraded: false } });
  }
  const proxied = { "x-forwarded-for": "203.0.113.7" };
  expect(await (await get(host, "/readyz", proxied)).json()).toEqual({ ready: true });
  expect(await (await get(host, "/readyz", { ...proxied, authorization: "Bearer wrong" })).json()).toEqual({ ready: true });
  expect(await (await get(host, "/readyz", { ...proxied, authorization: `Bearer ${host.token}` })).json()).toHaveProperty("uptimeMs");
  await store.write(["select 'poison'"]).catch(() => undefined); // silent-ok: its writer is dead now
  const broken = await get(host, "/readyz");
  expect(broken.status).toBe(503);
  expect(await broken.json()).toMatchObject({ ready: false, failing: ["store"] });
  await store.close();
  await rm(folder, { recursive: true });
});

test("another verb than GET on a health route is refused in plain text", async () => {
  await using host = await startBus();
  const response = await get(host, "/health", {}, { method: "POST" });
  expect(response.status).toBe(405);
  expect(response.headers.get("allow")).toBe("GET, HEAD");
  expect(response.headers.get("content-type")).toBe("text/plain");
});

test("a page that points its own name here is turned away, on HTTP and on WebSocket", async () => {
  await using host = await startBus({ settings: { hosts: ["Gateway.Example"] } });
  const status = async (name: string) => (await get(host, "/health", { host: name })).status;
  for (const name of [
    "evil.example",
    "evil.example:80",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "192.168.1.4",
    "127.0.0.1, evil.example",
    "[::1",
    "a b",
  ]) {
    expect([name, await status(name)]).toEqual([name, 403]);
  }
  for (const name of [
    "localhost",
    "LOCALHOST:1",
    "127.0.0.1",
    "127.8.9.1:9",
    "[::1]:1",
    "gateway.example:443",
    "page.localhost",
    "localhost.",
  ]) {
    expect([name, await status(name)]).toEqual([name, 200]);
  }
  expect(await rawRequest(host, "GET /health HTTP/1.0")).toStartWith("HTTP/1.1 403");
  expect((await openRawSocket(host.url, ["Host: evil.example"])).upgrade).toStartWith("HTTP/1.1 403");
});

test("bound to the network, addresses are names of ours too", async () => {
  await using host = await startBus({ settings: { bind: "lan" } });
  const at = (name: string) => fetch(`http://127.0.0.1:${new URL(host.url).port}/health`, { headers: { host: name } });
  expect((await at("192.168.1.4:18789")).status).toBe(200);
  for (const name of ["evil.example", "lan", "loopback"]) expect([name, (await at(name)).status]).toEqual([name, 403]);
});

test("the longest prefix wins, and what nobody serves is the page's, or nothing", async () => {
  await using host = await startBus();
  expect((await get(host, "/anything")).status).toBe(404);
  for (const prefix of ["/", "/v1", "/v1/models"]) host.plugins.routes.push(route(prefix, "open", () => new Response(prefix)));
  const served = async (path: string) => (await get(host, path)).text();
  expect(await served("/v1/models/x")).toBe("/v1/models");
  expect(await served("/v1/chat")).toBe("/v1");
  expect(await served("/v10")).toBe("/");
  expect(await served("/")).toBe("/");
  expect(await served("/health")).toContain("live");
});

test("a route behind the token asks for it, and its handler learns who came from us alone", async () => {
  await using host = await startBus();
  const who = (request: Request) => Response.json([request.headers.get("x-pincer-principal"), request.headers.get("x-pincer-scopes")]);
  host.plugins.routes.push(route("/v1", "token", who), route("/open", "open", who));
  const without = await get(host, "/v1/x", { "x-pincer-principal": "admin" });
  expect(without.status).toBe(401);
  expect(await without.json()).toEqual({ error: { message: "Unauthorized", type: "unauthorized" } });
  const authorization = `Bearer ${host.token}`;
  const [principal, scopes] = (await (await get(host, "/v1/x", { authorization, "x-pincer-principal": "admin" })).json()) as string[];
  expect(principal).toBe("shared");
  expect(scopes).toBe("operator.admin");
  expect(await (await get(host, "/open", { "x-pincer-principal": "admin", "x-pincer-scopes": "operator.admin" })).json()).toEqual([
    null,
    null,
  ]);
});

test("who cannot be judged just now is told to try again, and why", async () => {
  const request = async () => ({ ok: false, status: 503, message: "nobody tells devices apart" }) as const;
  const connect = () => Promise.reject(new Error("not asked"));
  await using host = await startBus({ deps: { access: { connect, request } } });
  host.plugins.routes.push(route("/v1", "token", () => new Response("secret")));
  const response = await get(host, "/v1", { authorization: "Bearer x" });
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await response.json()).toEqual({ error: { message: "nobody tells devices apart", type: "api_error" } });
});

test("dot segments lead to the route that the handler sees", async () => {
  await using host = await startBus();
  host.plugins.routes.push(
    route("/open", "open", ({ url }) => new Response(url)),
    route("/v1", "token", () => new Response("secret")),
  );
  for (const path of ["/open/../v1/x", "/open/%2e%2e/v1/x", "/open/./../v1"]) {
    expect([path, await rawRequest(host, `GET ${path} HTTP/1.1`, "Host: localhost")]).toEqual([
      path,
      expect.stringContaining("HTTP/1.1 401"),
    ]);
  }
});

test("too many wrong tokens are told to wait, with how long", async () => {
  const clock = createManualClock();
  await using host = await startBus({ clock });
  host.plugins.routes.push(route("/v1", "token", () => new Response("in")));
  const headers = { authorization: "Bearer wrong", "x-forwarded-for": "203.0.113.9" };
  let last = await get(host, "/v1", headers);
  for (let n = 0; n < 300 && last.status === 401; n++) last = await get(host, "/v1", headers);
  expect(last.status).toBe(429);
  expect(Number(last.headers.get("retry-after"))).toBeGreaterThan(0);
});

test("every answer carries the headers that keep a browser from guessing and framing, unless the handler has its own", async () => {
  await using host = await startBus();
  host.plugins.routes.push(route("/framed", "open", () => new Response("x", { headers: { "x-frame-options": "SAMEORIGIN" } })));
  for (const path of ["/health", "/nothing", "/framed"]) {
    const { headers } = await get(host, path);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("x-frame-options")).toBe(path === "/framed" ? "SAMEORIGIN" : "DENY");
  }
});

test("a handler that breaks answers 500 with a correlation id, and the log the cause", async () => {
  await using host = await startBus();
  host.plugins.routes.push(route("/v1", "open", () => Promise.reject(new Error("hunter2"))));
  const response = await get(host, "/v1");
  const { error } = (await response.json()) as { error: { type: string; details: { correlationId: string } } };
  expect([response.status, error.type]).toEqual([500, "api_error"]);
  expect(JSON.stringify(error)).not.toContain("hunter2");
  expect(host.log.find(({ event }) => event === "bus.fault")?.fields["correlationId"]).toBe(error.details.correlationId);
});

test("a body above the limit is refused", async () => {
  await using host = await startBus({ settings: { bodyBytes: 1_000 } });
  host.plugins.routes.push(route("/v1", "open", async (request) => new Response(String((await request.text()).length))));
  expect(await (await get(host, "/v1", {}, { method: "POST", body: "x".repeat(1_000) })).text()).toBe("1000");
  expect((await get(host, "/v1", {}, { method: "POST", body: "x".repeat(1_001) })).status).toBe(413);
});

test("an upgrade is the bus's on every path, whoever owns the route", async () => {
  await using host = await startBus();
  host.plugins.routes.push(route("/", "open", () => new Response("page")));
  const socket = await host.connect({ url: `${host.wsUrl}chat?x=1` });
  expect(await socket.call("health")).toMatchObject({ ok: true });
});

test("routes wait until the gateway has started", async () => {
  await using host = await startBus({ starting: true });
  host.plugins.routes.push(route("/", "open", () => new Response("page")));
  const early = await get(host, "/");
  expect([early.status, early.headers.get("retry-after")]).toEqual([503, "1"]);
  await host.bus.ready();
  expect(await (await get(host, "/")).text()).toBe("page");
});

test("a port that is taken is named, with what to do", async () => {
  await using host = await startBus();
  const port = Number(new URL(host.url).port);
  await expect(startBus({ settings: { port } })).rejects.toMatchObject({
    code: "BUS_LISTEN_FAILED",
    message: `cannot listen on 127.0.0.1:${port}: another program uses it; pincer config set gateway.port <port> takes another`,
  });
});
