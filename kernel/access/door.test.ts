import { expect, test } from "bun:test";
import { isLoopback, isPrivate, neighbourhood } from "@pincer/plugin-sdk/addresses";
import { settingsOf } from "../../tests/support/access-home.ts";
import type { Door } from "./decision.ts";
import { clientAddress, isForwarded, originAllowed } from "./door.ts";

const door = (remoteAddress: string, headers: Door["headers"] = {}): Door => ({ remoteAddress, headers, directLoopback: false });

test("loopback and private addresses are told from public ones", () => {
  for (const address of ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
    expect([isLoopback(address), isPrivate(address)]).toEqual([true, true]);
  for (const address of ["10.0.0.1", "172.31.0.1", "192.168.0.1", "169.254.1.1", "100.64.0.1", "fd12::1", "fe80::1"]) {
    expect([isLoopback(address), isPrivate(address)]).toEqual([false, true]);
  }
  for (const address of ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "", "localhost", "127.0.0.1.evil.example", "1"]) {
    expect([isLoopback(address), isPrivate(address)]).toEqual([false, false]);
  }
});

test("a forwarded header is believed only from a trusted proxy, and then the nearest stranger is the client", () => {
  const trusted = ["10.0.0.0/8", "2001:db8::/32", "not an address", "10.0.0.0/99"];
  const from = (remoteAddress: string, forwarded: string) => clientAddress(door(remoteAddress, { "x-forwarded-for": forwarded }), trusted);
  expect(from("192.168.0.1", "1.2.3.4")).toBe("192.168.0.1");
  expect(from("10.0.0.1", "1.2.3.4")).toBe("1.2.3.4");
  expect(from("2001:db8::5", "1.2.3.4")).toBe("1.2.3.4");
  expect(from("10.0.0.1", "127.0.0.1, 5.6.7.8, 10.9.9.9")).toBe("5.6.7.8");
  expect(from("10.0.0.1", "unknown, ")).toBe("10.0.0.1");
  expect(clientAddress(door("10.0.0.1"), trusted)).toBe("10.0.0.1");
  expect(isForwarded({})).toBe(false);
  for (const name of ["forwarded", "x-forwarded-for", "x-real-ip", "cf-connecting-ip"]) expect(isForwarded({ [name]: "" })).toBe(true);
});

test("an IPv6 subscriber is one neighbourhood, an IPv4 address is one", () => {
  expect(neighbourhood("203.0.113.9")).toBe("203.0.113.9");
  expect(neighbourhood("::ffff:203.0.113.9")).toBe("203.0.113.9");
  const written = ["2001:db8::1", "2001:0DB8:0:0:1:2:3:4", "2001:db8:0:0::", "2001:db8::ffff:1:2"];
  expect(new Set(written.map(neighbourhood))).toEqual(new Set(["2001:db8:0:0::/64"]));
  expect(neighbourhood("::1")).toBe("0:0:0:0::/64");
  expect(neighbourhood("2001:db8:0:1::1")).toBe("2001:db8:0:1::/64");
});

test("a page may come from the gateway's own host, port and all, or from an allowed origin", () => {
  const settings = settingsOf({ allowedOrigins: ["https://chat.example", "http://Dev.example:5173", "chrome-extension://abcdef"] });
  const allowed = (origin: string | undefined, host = "gateway.example") =>
    originAllowed(door("203.0.113.1", { host, ...(origin === undefined ? {} : { origin }) }), settings);
  for (const origin of ["https://gateway.example", "http://gateway.example", "http://gateway.example:80", "https://chat.example"]) {
    expect([origin, allowed(origin)]).toEqual([origin, true]);
  }
  expect(allowed("http://dev.example:5173")).toBe(true);
  expect([allowed("chrome-extension://abcdef"), allowed("chrome-extension://other"), allowed("app://gateway.example")]).toEqual([
    ...[true, false, false],
  ]);
  expect(allowed("http://[::1]:18789", "[::1]:18789")).toBe(true);
  const refused = [
    undefined,
    "",
    "null",
    "gateway.example",
    "http://gateway.example:8080",
    "http://chat.example",
    "https://chat.example.evil",
  ];
  for (const origin of [...refused, "https://evil.example/?gateway.example"]) expect([origin, allowed(origin)]).toEqual([origin, false]);
});
