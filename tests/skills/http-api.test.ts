import { afterAll, expect } from "bun:test";
import { dirname, join } from "node:path";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { walkSkill } from "./walk.ts";

const test = testWith("jq");
const TOKEN = "a-token-that-nobody-shows";

/** An API on loopback, with everything that the pages speak of. */
function startApi() {
  const items = ["a", "b", "c", "d", "e"].map((id, at) => ({ id, title: `thing ${id}`, count: at + 1 }));
  const posted = new Map<string, unknown>();
  const seen: string[] = [];
  let busy = 1;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname, searchParams, origin } = new URL(request.url);
      const answer = (value: unknown, init?: ResponseInit) => Response.json(value, init);
      const isSignedIn = request.headers.get("authorization") === `Bearer ${TOKEN}`;
      seen.push(`${request.method} ${pathname} ${isSignedIn ? "signed in" : "a stranger"}`);
      if (pathname === "/elsewhere") return answer([1], { headers: { link: '<http://127.0.0.2:1/items>; rel="next"' } });
      if (pathname === "/me") return isSignedIn ? answer({ name: "Ada" }) : answer({ error: "who are you?" }, { status: 401 });
      if (pathname === "/busy") return busy-- > 0 ? answer({}, { status: 503 }) : answer({ status: "fine" });
      if (pathname === "/items" && request.method === "POST") {
        const key = request.headers.get("idempotency-key") ?? "";
        if (!posted.has(key)) posted.set(key, { id: "f", ...((await request.json()) as object) });
        return answer(posted.get(key), { status: 201 });
      }
      if (pathname === "/items") {
        const size = Number(searchParams.get("per_page") ?? items.length);
        const page = Number(searchParams.get("page") ?? 1);
        const next =
          page * size < items.length
            ? { link: `<${origin}/items>; rel="first", <${origin}/items?per_page=${size}&page=${page + 1}>; rel="next"` }
            : undefined;
        return answer(items.slice((page - 1) * size, page * size), { headers: { ...next } });
      }
      if (pathname === "/events") {
        const at = Number((searchParams.get("cursor") || "at 0").slice(3));
        return answer({ items: items.slice(at, at + 2), next_cursor: at + 2 < items.length ? `at ${at + 2}` : null });
      }
      if (pathname === "/things")
        return answer({ things: items.slice(Number(searchParams.get("page")) * 2 - 2, Number(searchParams.get("page")) * 2), total: 5 });
      return answer({ error: "there is no such thing" }, { status: 404 });
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, seen, posted, stop: () => server.stop(true) };
}

const api = startApi();
afterAll(() => api.stop());
const env = { API: api.url, API_TOKEN: TOKEN };

walkSkill("http-api", {
  declare: test,
  prepare: async () => env,
  flow: ["Look", "Sign in", "Send"],
  outcomes: {
    Look: /^200 application\/json\S* \d+ bytes\n\{"length":5,"first":\{"id":"a","title":"thing a","count":1\}\}\na\tthing a\n/,
    "Sign in": "there is a token\nAda",
    Send: '{"id":"f","title":"Buy \\"rye\\" flour","count":2}',
    "All pages": "5\n15",
    "When it fails": /^\{"error":"there is no such thing"\}curl ended with 22\nfine\n/,
    "pagination.md: A cursor": "5",
    "pagination.md: A number": "5\n5",
  },
});

const pages = join(dirname(dirname(import.meta.dir)), "skills", "http-api", "scripts", "pages.sh");
async function fetchPages(...words: readonly string[]) {
  const child = Bun.spawn(["sh", pages, ...words], { env: { ...env, PATH: process.env["PATH"]! }, stdout: "pipe", stderr: "pipe" });
  const [out, err, exit] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { out, err, exit };
}

test("the key goes along to every page, and to no other host", async () => {
  api.seen.length = 0;
  expect(await fetchPages(`${api.url}/items?per_page=4`)).toMatchObject({ exit: 0, err: "" });
  expect(api.seen).toEqual(["GET /items signed in", "GET /items signed in"]);
  const { out, err, exit } = await fetchPages(`${api.url}/elsewhere`);
  expect({ out, exit }).toEqual({ out: "1\n", exit: 1 });
  expect(err).toContain("the next page is elsewhere");
  expect(err).not.toContain(TOKEN);
});

test("what is not all there says so", async () => {
  expect(await fetchPages(`${api.url}/items?per_page=2`, "2")).toMatchObject({
    exit: 0,
    err: expect.stringContaining("stopped after 2 pages, there are more"),
  });
  expect(await fetchPages(`${api.url}/missing`)).toMatchObject({
    exit: 22,
    err: expect.stringMatching(/there is no such thing[\s\S]*page 1 failed/),
  });
  expect(await fetchPages(`${api.url}/me`)).toMatchObject({ err: expect.stringContaining("expected a list, came object") });
  expect(await fetchPages("items")).toMatchObject({ exit: 2, err: expect.stringContaining("expected an address with http://") });
});
