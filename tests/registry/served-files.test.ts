/** The files of a registry over HTTP, and what the server says of packages. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Published } from "../../registry/client/client.ts";
import { placeOf } from "../../registry/layout.ts";
import { type ServedRegistry, startServedRegistry } from "./served-registry.ts";

const roomy = { burst: 100_000, perMinute: 100_000 };
let registry: ServedRegistry;
let release: Published;
let place: string;
beforeAll(async () => {
  registry = await startServedRegistry({ rates: { files: roomy, reads: roomy, publications: roomy, claims: roomy } });
  const ada = registry.key("ada");
  for (const [id, summary] of [
    ["weather", "Tells the weather of a place"],
    ["weather-radar", "Shows where it rains"],
    ["calendar", "Reads the calendar, and says when it rains on an appointment"],
  ] as const)
    await registry.publish(
      registry.plugin(id, "1.0.0", {
        "plugin.json": JSON.stringify({ id, version: "1.0.0", sdk: "^0.1.0", summary, entry: "plugin.ts", permissions: {} }),
      }),
      "ada",
      ada.file,
    );
  const { releases } = await registry.client().find({ kind: "plugins", id: "weather" });
  release = releases[0]!;
  place = `/${placeOf(release.path, release.sha256)}`;
}, 60_000);
afterAll(() => registry[Symbol.asyncDispose]());

test("a file that is named by its digest may be kept for good, and what says what is newest is asked for each time", async () => {
  const archive = await registry.get(place);
  expect([archive.status, archive.headers.get("cache-control"), archive.headers.get("etag")]).toEqual([
    200,
    "public, max-age=31536000, immutable",
    `"${release.sha256}"`,
  ]);
  expect((await archive.arrayBuffer()).byteLength).toBe(release.length);
  expect((await registry.get(place, { "if-none-match": `"${release.sha256}"` })).status).toBe(304);
  const timestamp = await registry.get("/metadata/timestamp.json");
  expect([timestamp.headers.get("cache-control"), timestamp.headers.get("content-type")]).toEqual(["no-cache", "application/json"]);
  const etag = timestamp.headers.get("etag")!;
  expect((await registry.get("/metadata/timestamp.json", { "if-none-match": `W/${etag}, "other"` })).status).toBe(304);
  expect((await registry.get("/metadata/1.root.json")).headers.get("cache-control")).toContain("immutable");
});

test("parts of a file come as they are asked for", async () => {
  const whole = Buffer.from(await (await registry.get(place)).arrayBuffer());
  for (const [range, from, until] of [
    ["bytes=0-9", 0, 10],
    ["bytes=100-", 100, whole.length],
    ["bytes=-7", whole.length - 7, whole.length],
    ["bytes=10-99999999", 10, whole.length],
  ] as const) {
    const part = await registry.get(place, { range });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, `bytes ${from}-${until - 1}/${whole.length}`]);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(whole.subarray(from, until));
  }
  const beyond = await registry.get(place, { range: `bytes=${whole.length}-` });
  expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, `bytes */${whole.length}`]);
  const others: readonly Readonly<Record<string, string>>[] = [
    { range: "bytes=0-1,5-6" },
    { range: "lines=1-2" },
    { range: "bytes=-" },
    { range: "bytes=0-9", "if-range": '"another"' },
  ];
  for (const headers of others) expect((await registry.get(place, headers)).status).toBe(200);
  expect((await registry.get(place, { range: "bytes=0-9", "if-range": `"${release.sha256}"` })).status).toBe(206);
});

test("HEAD says what GET would, without the file", async () => {
  const head = await fetch(`${registry.url}${place}`, { method: "HEAD" });
  expect([head.status, head.headers.get("content-length"), head.headers.get("etag")]).toEqual([
    200,
    String(release.length),
    `"${release.sha256}"`,
  ]);
  expect((await head.arrayBuffer()).byteLength).toBe(0);
  expect((await fetch(`${registry.url}/metadata/9.root.json`, { method: "HEAD" })).status).toBe(404);
});

/** As the bytes of the path stand there: `fetch` would tidy them. */
function raw(path: string): Promise<string> {
  const { hostname, port } = new URL(registry.url);
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(Number(port), hostname, () => socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`));
    socket.on("data", (chunk) => (text += chunk.toString("latin1")));
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
  });
}

test("nothing beside the signed files is served, however it is asked for", async () => {
  writeFileSync(join(registry.folder, "metadata", ".hidden.json"), "secret-of-the-house");
  symlinkSync(join(registry.keyFolder, "online.pem"), join(registry.folder, "metadata", "link.json"));
  for (const path of [
    "/server.db",
    "/server.json",
    "/metadata",
    "/metadata/",
    "/metadata/.hidden.json",
    "/metadata/link.json",
    "/metadata/../server.json",
    "/metadata/..%2fserver.json",
    "/metadata/%2e%2e/server.json",
    "/metadata/..\\server.json",
    "/metadata//timestamp.json",
    "/metadata/./timestamp.json",
    "/metadata/timestamp.json%00",
    "/metadata/timestamp.json/",
    "//metadata/timestamp.json",
    "/../keys/online.pem",
    "/%2e%2e/keys/online.pem",
    "/targets/../../keys/online.pem",
    "/METADATA/timestamp.json",
  ]) {
    const answer = await raw(path);
    expect(answer).not.toContain("PRIVATE KEY");
    expect(answer).not.toContain("secret-of-the-house");
    expect(answer).not.toContain("SQLite");
    // What leads back to a file that is served anyway may be served.
    if (!/^\/metadata\/\.\/timestamp|^\/\/metadata/.test(path)) expect(`${path} ${answer}`).toMatch(/^\S+ HTTP\/1\.1 40[04] /);
  }
});

test("packages are found by words, by beginnings of words, and with a slip in them", async () => {
  const found = async (query: string) => {
    const { packages } = (await (await registry.get(`/api/v1/search?${query}`)).json()) as { packages: readonly { id: string }[] };
    return packages.map(({ id }) => id);
  };
  expect(await found("q=weather")).toEqual(["weather", "weather-radar"]);
  expect(await found("q=rains")).toEqual(expect.arrayContaining(["weather-radar", "calendar"]));
  expect(await found("q=cal")).toEqual(["calendar"]);
  expect(await found("q=wether")).toEqual(["weather", "weather-radar"]);
  expect(await found("q=calender")).toEqual(["calendar"]);
  expect(await found("q=radra")).toEqual(["weather-radar"]);
  expect(await found("q=acl")).toEqual([]);
  expect(await found("q=rains%20appointment")).toEqual(["calendar"]);
  expect(await found("q=weather&kind=skills")).toEqual([]);
  expect(await found("q=nothing-like-it")).toEqual([]);
  expect((await found("")).length).toBe(3);
  for (const hostile of ['q="', "q=*", "q=NEAR(a%20b)", "q=id:weather", "q=a%20OR%20b", "q=%00", "q=';DROP%20TABLE%20packages;--"])
    expect((await registry.get(`/api/v1/search?${hostile}`)).status).toBe(200);
  expect((await found("")).length).toBe(3);
});

test("a search goes on where it ended, and says what it does not understand", async () => {
  const page = async (cursor: string) =>
    (await (await registry.get(`/api/v1/search?limit=2${cursor}`)).json()) as { packages: readonly { id: string }[]; cursor?: string };
  const first = await page("");
  const second = await page(`&cursor=${first.cursor}`);
  expect([...first.packages, ...second.packages].map(({ id }) => id).sort()).toEqual(["calendar", "weather", "weather-radar"]);
  expect(second.cursor).toBeUndefined();
  for (const query of ["limit=0", "limit=x", "kind=others", "cursor=after-9999", "cursor=x", `q=${"x".repeat(201)}`]) {
    const answer = await registry.get(`/api/v1/search?${query}`);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, "REGISTRY_REQUEST_INVALID"]);
  }
});

test("what is not there is said so, in the form of a problem", async () => {
  for (const path of [
    "/api/v1/packages/plugins/nobody",
    "/api/v1/packages/plugins/weather/9.9.9",
    "/api/v1/packages/others/weather",
    "/api/v1/nothing",
    "/api/v1/publishers/nobody",
    "/plugins/nobody",
    "/plugins/%3Cscript%3E",
    "/skills/%0d%0aset-cookie:%20x=1",
  ]) {
    const answer = await registry.get(path);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
    expect(await answer.json()).toMatchObject({ status: 404, code: "REGISTRY_NOT_FOUND", detail: expect.any(String) });
  }
});

test("a release is counted once a day for an address, whole or from its beginning", async () => {
  const { releases } = await registry.client().find({ kind: "plugins", id: "calendar" });
  const at = `/${placeOf(releases[0]!.path, releases[0]!.sha256)}`;
  const downloads = async () =>
    ((await (await registry.get("/api/v1/packages/plugins/calendar")).json()) as { downloads: number }).downloads;
  await fetch(`${registry.url}${at}`, { method: "HEAD" });
  await registry.get(at, { range: "bytes=5-" });
  expect(await downloads()).toBe(0);
  for (let time = 0; time < 3; time++) await (await registry.get(at)).arrayBuffer();
  expect(await downloads()).toBe(1);
});
