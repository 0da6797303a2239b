import { expect, test } from "bun:test";
import { limitedFetch } from "./fetch.ts";

const none = async () => undefined;
const verdict = (asked: Promise<unknown>) => asked.then(() => "reached").catch((error: { code?: string }) => error.code ?? "failed");

test("what is public alone goes the way that judges addresses, at every redirect; what is named does not", async () => {
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.redirect("https://second.example/") });
  const judged: string[] = [];
  const publicly = async (url: URL) => {
    judged.push(url.href);
    return url.host === "second.example" ? Response.redirect("https://third.example/") : new Response("there");
  };
  const fetch = limitedFetch("one", { net: ["public", "config:/own"] }, () => ({ own: server.url.href }), none, publicly);
  expect(await (await fetch(server.url)).text()).toBe("there");
  expect(judged).toEqual(["https://second.example/", "https://third.example/"]);
  expect(await (await fetch(new Request("https://third.example/x"), { redirect: "manual" })).text()).toBe("there");
  expect(judged.at(-1)).toBe("https://third.example/x");
  // Also where the configuration says it.
  const configured = limitedFetch("one", { net: ["config:/own"] }, () => ({ own: "public" }), none, publicly);
  await configured("https://third.example/y");
  expect(judged.at(-1)).toBe("https://third.example/y");
});

test("what a configuration says of a host holds as long as the configuration", async () => {
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("ok") });
  const url = server.url.href;
  let config = { baseUrl: url };
  const fetch = limitedFetch("one", { net: ["config:/baseUrl"] }, () => config, none);
  expect([await verdict(fetch(url)), await verdict(fetch(url))]).toEqual(["reached", "reached"]);
  config = { baseUrl: "http://127.0.0.1:1/" };
  expect(await verdict(fetch(url))).toBe("PLUGIN_PERMISSION");
  config = { baseUrl: url };
  expect(await verdict(fetch(url))).toBe("reached");
});

test("what is said of one address is said of no other", async () => {
  const fetch = limitedFetch("one", { net: ["public"] }, () => ({}), none);
  // Neither is an address of the web: to the standard their origin is the same.
  expect(await verdict(fetch("scheme://example.com/"))).not.toBe("PLUGIN_PERMISSION");
  expect(await verdict(fetch("file:///etc/hostname"))).toBe("PLUGIN_PERMISSION");
  expect(await verdict(fetch("http://127.0.0.1:1/"))).toBe("PLUGIN_PERMISSION");
});

test("a redirect to somebody else carries no key, whatever its header is called; one on the same host does", async () => {
  const seen: (readonly string[])[] = [];
  using other = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch({ headers }) {
      seen.push([...headers.keys()].filter((name) => /key|auth|cookie|team|accept-language/.test(name)));
      return new Response("ok");
    },
  });
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) => Response.redirect(url.endsWith("/away") ? other.url.href : `${new URL(url).origin}/away`, 302),
  });
  const fetch = limitedFetch("one", { net: [server.url.host, other.url.host] }, () => ({}), none);
  const headers = { "x-goog-api-key": "k", "x-team": "k", authorization: "k", cookie: "k", "x-api-key": "k", "accept-language": "de" };
  expect(await (await fetch(server.url.href, { headers })).text()).toBe("ok");
  expect(await (await fetch(new Request(server.url.href, { headers }))).text()).toBe("ok");
  expect(seen).toEqual([["accept-language"], ["accept-language"]]);
  await fetch(other.url.href, { headers });
  expect(seen.at(-1)).toHaveLength(6);
});
