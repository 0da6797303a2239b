import { describe, expect, test } from "bun:test";
import { defineErrors } from "../error.ts";
import { classOfStatus, classOfWords, httpFailure, networkFailure, retryAfterMs, withoutKeys } from "./failure.ts";

const NOW = Date.UTC(2026, 10, 20);
const headers = (entries: Record<string, string>) => new Headers(entries);

describe("how long a vendor asks to wait", () => {
  test.each([
    [{ "retry-after": "7" }, 7000],
    [{ "retry-after": "0.5" }, 500],
    [{ "retry-after-ms": "1500", "retry-after": "9" }, 1500],
    [{ "retry-after": "Fri, 20 Nov 2026 00:01:00 GMT" }, 60_000],
    [{ "retry-after": "Thu, 19 Nov 2026 00:00:00 GMT" }, 0],
    [{ "retry-after": "soon" }, undefined],
    [{ "retry-after": "-3" }, 0],
    [{ "retry-after-ms": "NaN" }, undefined],
    [{}, undefined],
  ])("%p", (given, ms) => {
    expect(retryAfterMs(headers(given as Record<string, string>), NOW)).toBe(ms as number);
  });
});

describe("the class of a failure", () => {
  test("every status has one", () => {
    const classes = [400, 401, 402, 403, 404, 408, 413, 429, 500, 502, 503, 504, 529, 200].map(classOfStatus);
    expect(classes).toEqual([
      "bad-request",
      "auth",
      "billing",
      "auth",
      "bad-request",
      "timeout",
      "context-overflow",
      "rate-limit",
      "network",
      "network",
      "overloaded",
      "timeout",
      "overloaded",
      "unknown",
    ]);
  });

  test.each([
    ["This model's maximum context length is 8192 tokens.", "context-overflow"],
    ["prompt is too long: 210000 tokens > 200000 maximum", "context-overflow"],
    ["the request exceeds the available context size, try increasing it", "context-overflow"],
    ["Your credit balance is too low", "billing"],
    ["image exceeds 5 MB maximum", "image"],
    ["tool_use ids were found without tool_result blocks", undefined],
  ])("%p is %p", (words, found) => {
    expect(classOfWords(words)).toBe(found as never);
  });

  test("words decide only where the status does not", () => {
    expect(httpFailure(401, "billing", { now: NOW }).class).toBe("auth");
    expect(httpFailure(400, "maximum context length", { now: NOW }).class).toBe("context-overflow");
    expect(httpFailure(400, "maximum context length", { now: NOW, class: "image" }).class).toBe("image");
  });

  test("what a library wraps is looked into, and told with the address", () => {
    const refused = new Error("Connection error.", { cause: Object.assign(new TypeError("no"), { code: "ECONNREFUSED" }) });
    expect(networkFailure(refused, "http://box:1")).toEqual({
      class: "network",
      message: "nothing answers at http://box:1: the connection was refused",
    });
    expect(networkFailure(Object.assign(new Error("x"), { code: "ENOTFOUND" }), "http://box:1").message).toContain("does not resolve");
    expect(networkFailure(new Error("Connection error.", { cause: new Error("socket hang up") }), "http://box:1").message).toContain(
      "socket hang up",
    );
    expect(networkFailure(new TypeError("null is not an object"), "http://box:1").message).toContain("cannot be read as an answer");
  });

  test("a page of a proxy, or a text without end, is not shown whole", () => {
    expect(httpFailure(502, "502 <html><body>Bad Gateway</body></html>", { now: NOW }).message).toBe(
      "a web page came instead of an answer",
    );
    expect(httpFailure(500, "x".repeat(10_000), { now: NOW }).message.length).toBeLessThan(600);
  });

  test("a refusal of our own is none of the network", () => {
    const errors = defineErrors({ PLUGIN_PERMISSION: { message: "not allowed", wire: "FORBIDDEN" } });
    const wrapped = new Error("Connection error.", { cause: errors.PLUGIN_PERMISSION("x may not reach box:1") });
    expect(networkFailure(wrapped, "http://box:1")).toEqual({ class: "bad-request", message: "x may not reach box:1" });
  });
});

test("keys that a vendor repeats are not shown (#28359)", () => {
  expect(withoutKeys("Incorrect API key provided: sk-proj-abc123def456, see")).toBe("Incorrect API key provided: sk-…, see");
  expect(withoutKeys("ask-me is no key")).toBe("ask-me is no key");
  expect(withoutKeys("AIzaSyA-bc_123456 and gho_16C7e42F292c69")).toBe("AIza… and gho_…");
  expect(withoutKeys("nothing answers at http://me:pass@word@host:1/v1")).toBe("nothing answers at http://…@host:1/v1");
});
