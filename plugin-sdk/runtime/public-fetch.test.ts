import { expect, test } from "bun:test";
import { certificate, key } from "../../tests/support/self-signed.ts";
import { createPublicFetch } from "./public-fetch.ts";

const where = (port: number) => ({ dialled: () => `127.0.0.1:${port}` });

const told = (asked: Promise<Response>) => asked.then((response) => response.text()).catch((error: Error) => error.message);

/** The certificate is for `localhost`; where that leads is said here. */
test("the address that was judged is dialled, under the name and with its certificate, and no redirect is followed", async () => {
  const seen: (string | null)[] = [];
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { cert: certificate, key },
    fetch(request) {
      seen.push(request.headers.get("host"), request.headers.get("x-asked"));
      return new URL(request.url).pathname === "/away" ? Response.redirect("http://127.0.0.1/") : new Response("a picture");
    },
  });
  const lookups: string[] = [];
  const dialled: string[] = [];
  const get = createPublicFetch({
    async resolve(name) {
      lookups.push(name);
      // A second look-up would lead elsewhere.
      return lookups.length === 1 ? ["93.184.216.34"] : ["127.0.0.1"];
    },
    dialled(address, port) {
      dialled.push(`${address}:${port}`);
      return `127.0.0.1:${server.port}`;
    },
  });
  const response = await get(new URL("https://localhost/one"), { headers: { "x-asked": "yes" }, tls: { ca: certificate } });
  expect([await response.text(), response.url]).toEqual(["a picture", "https://localhost/one"]);
  expect([lookups, dialled, seen]).toEqual([["localhost"], ["93.184.216.34:443"], ["localhost", "yes"]]);
  expect(await told(get(new URL("https://localhost/one"), { tls: { ca: certificate } }))).toContain(
    "leads to 127.0.0.1, which is not public",
  );
  const open = createPublicFetch({ resolve: async () => ["93.184.216.34"], ...where(server.port!) });
  expect((await open(new URL("https://localhost/away"), { tls: { ca: certificate } })).status).toBe(302);
  // Somebody else's certificate is none, whichever address was dialled.
  expect(await told(open(new URL("https://other.example/"), { tls: { ca: certificate } }))).toContain("ALTNAME");
});

test.each([
  [["10.0.0.7"], "10.0.0.7"],
  [["93.184.216.34", "169.254.169.254"], "169.254.169.254"],
  [["::ffff:127.0.0.1"], "::ffff:127.0.0.1"],
  [["64:ff9b::a00:1"], "64:ff9b::a00:1"],
  [["fd00::1"], "fd00::1"],
  [["198.51.100.7"], "198.51.100.7"],
  [["93.184.216.9"], "93.184.216.9"],
  [[], "leads nowhere"],
])("a name that leads to %j is not reached", async (addresses, why) => {
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("reached") });
  const get = createPublicFetch({ resolve: async () => addresses, own: () => ["93.184.216.9"], ...where(server.port!) });
  expect(await told(get(new URL("http://pictures.example/")))).toContain(why);
});

test.each([
  "http://127.0.0.1/",
  "http://[::1]/",
  "http://2130706433/",
  "http://0x7f.1/",
  "http://10.1/",
  "ftp://pictures.example/",
  "http://93.184.216.9/",
])("%s is not reached", async (url) => {
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("reached") });
  const resolve = async (): Promise<never> => {
    throw new Error("it was looked up");
  };
  const get = createPublicFetch({ resolve, own: () => ["93.184.216.9"], ...where(server.port!) });
  expect(await told(get(new URL(url)))).toContain("is not on the internet");
});

test("the next address is tried where one does not answer", async () => {
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("reached") });
  const resolve = async () => ["93.184.216.34", "93.184.216.35"];
  const get = createPublicFetch({ resolve, dialled: (address) => (address.endsWith("34") ? "127.0.0.1:1" : `127.0.0.1:${server.port}`) });
  expect(await told(get(new URL("http://pictures.example/")))).toBe("reached");
});
