/** Where a server of the internet leads to, for every place that packages come from: to the internet, and never to what only this machine or its network reaches. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack } from "@pincer/plugin-kit/archive";
import { createPublicFetch } from "@pincer/plugin-sdk/runtime/public-fetch";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import type { HttpFetch, HttpReaderOptions } from "@pincer/registry/http-source";
import { httpReader } from "@pincer/registry/http-source";
import { startHouse } from "@pincer/registry/testing/house";
import { Value } from "@sinclair/typebox/value";
import { certificate, key } from "../../../tests/support/self-signed.ts";
import { ClientConfig } from "../config.ts";
import { placesOf } from "../package-sources.ts";
import { archivePackages } from "./archive.ts";
import { clawHubPackages } from "./clawhub.ts";
import { createClawHubSite } from "./clawhub-site.ts";
import { createGitPackages } from "./git.ts";
import { npmPackages } from "./npm.ts";
import { npmRegistry } from "./npm-registry.ts";
import { npmSettings } from "./npm-settings.ts";
import { createRegistrySources } from "./registry.ts";
import { ledFetch } from "./web-fetch.ts";

const home = mkdtempSync(join(tmpdir(), "pincer-led-"));
const { signal } = new AbortController();
const tls = { cert: certificate, key };

interface Request {
  readonly url: string;
  readonly headers: Headers;
}
let answer: (url: URL) => Response = () => new Response(null, { status: 404 });
const asked: Request[] = [];
/** All of the internet, whatever it is called. */
const internet = Bun.serve({
  ...{ hostname: "127.0.0.1", port: 0, tls },
  fetch(request) {
    const url = new URL(new URL(request.url).pathname + new URL(request.url).search, `https://${request.headers.get("host")}`);
    asked.push({ url: url.href, headers: request.headers });
    return answer(url);
  },
});
let inside = 0;
/** What nobody from there may reach. */
const machine = Bun.serve({
  ...{ hostname: "127.0.0.1", port: 0, tls },
  fetch() {
    inside++;
    return new Response("what only this machine may read");
  },
});
afterAll(async () => {
  await Promise.all([internet.stop(true), machine.stop(true)]);
  rmSync(home, { recursive: true, force: true });
});
beforeEach(() => {
  asked.length = 0;
  inside = 0;
});

/** Nobody has signed the certificates of this internet. */
const unsigned = { tls: { rejectUnauthorized: false } };
const named: HttpFetch = (url, init) => {
  const { hostname, host, pathname, search } = new URL(url);
  const isHere = !hostname.endsWith(".example");
  const at = isHere ? url : `https://127.0.0.1:${internet.port}${pathname}${search}`;
  return fetch(at, { ...init, ...unsigned, headers: { ...(init.headers as Record<string, string>), ...(isHere ? {} : { host }) } });
};
const names: Readonly<Record<string, readonly string[]>> = {
  inside: ["127.0.0.1"],
  localhost: ["127.0.0.1"],
  both: ["93.184.216.34", "10.0.0.7"],
};
const publicly = createPublicFetch({
  resolve: async (name) => names[name.split(".")[0]!] ?? ["93.184.216.34"],
  // What is not judged is dialled as it is.
  dialled: (address, port) => (address === "93.184.216.34" ? `127.0.0.1:${internet.port}` : `${address}:${port}`),
});
const options: HttpReaderOptions = {
  fetch: named,
  fetchLed: ledFetch(named, (url, init) => publicly(url, { ...init, ...unsigned })),
  clock: systemClock,
  limits: { attempts: 1 },
};

const house = startHouse();
const archive = pack(
  Object.entries({ "plugin.json": JSON.stringify({ id: "dice", version: "1.0.0" }), "plugin.ts": "1" }).map(([path, text]) => ({
    path: `package/${path}`,
    bytes: Buffer.from(text),
  })),
);
const integrity = `sha512-${new Bun.CryptoHasher("sha512").update(archive).digest("base64")}`;
house.publish("1.0.0", archive, { kind: "plugins", id: "dice" });
const rootFile = join(home, "root.json");
await Bun.write(rootFile, house.root);
afterAll(() => house[Symbol.dispose]());

const registryAt = (address: string) =>
  createRegistrySources({ ...options, home, registries: [{ name: "acme", address, root: rootFile }] }).find(
    { kind: "plugins", id: "dice" },
    "acme",
    signal,
  );
const npmAt = (origin: string) => {
  const settings = npmSettings({
    env: { BUN_CONFIG_REGISTRY: `${origin}/npm/` },
    home,
    ask: async () => "",
  });
  return npmPackages(npmRegistry(settings, options)).resolve({ from: "npm", name: "dice" }, signal);
};
const siteAt = (origin: string) =>
  clawHubPackages([createClawHubSite({ name: "hub", address: origin }, httpReader(options))]).resolve(
    { from: "clawhub", slug: "dice" },
    signal,
  );

const documentWith = (tarball: string) =>
  Response.json({
    name: "dice",
    "dist-tags": { latest: "1.0.0" },
    versions: { "1.0.0": { name: "dice", version: "1.0.0", dist: { tarball, integrity } } },
  });

/** Each, begun at an address, with what leads away from it. */
const places: Readonly<Record<string, { from(origin: string): Promise<unknown>; leads?(to: string): (url: URL) => Response }>> = {
  registry: { from: (origin) => registryAt(`${origin}/`) },
  archive: { from: (origin) => archivePackages(httpReader(options)).resolve({ from: "archive", at: `${origin}/x.tgz` }, signal) },
  git: { from: (origin) => createGitPackages(options).resolve({ from: "git", url: `${origin}/x.git` }, signal) },
  "npm, by a redirect": { from: npmAt },
  "npm, by what it says of an archive": { from: npmAt, leads: (to) => () => documentWith(to) },
  "clawhub, by a redirect": { from: siteAt },
  "clawhub, by what it says of its API": { from: siteAt, leads: (to) => () => Response.json({ apiBase: to }) },
};
const redirect = (to: string) => () => new Response(null, { status: 302, headers: { location: to } });

for (const [place, { from, leads = redirect }] of Object.entries(places)) {
  test(`${place}: from the internet nobody is led to this machine or its network`, async () => {
    const secret = `https://127.0.0.1:${machine.port}/secret`;
    const refusals = [secret, `https://localhost:${machine.port}/`, "https://169.254.169.254/latest", "https://[::ffff:10.0.0.1]/"];
    for (const to of [...refusals, `https://inside.example:${machine.port}/`, `https://both.example:${machine.port}/`]) {
      answer = leads(to);
      const error = await from("https://first.example").catch((reason) => reason);
      expect({ to, error }).toMatchObject({
        to,
        error: { code: "REGISTRY_UNREACHABLE", message: expect.stringContaining("may not lead") },
      });
    }
    answer = leads(`http://cdn.example/x`);
    await expect(from("https://first.example")).rejects.toMatchObject({
      code: expect.stringMatching(/^REGISTRY_(UNREACHABLE|METADATA_INVALID)$/),
    });
    expect(inside).toBe(0);
    expect(asked.filter(({ url }) => !url.startsWith("https://first.example/"))).toEqual([]);
  });

  test(`${place}: who names a machine of his own network may be led by it to another`, async () => {
    const own = Bun.serve({ hostname: "127.0.0.1", port: 0, tls, fetch: () => leads(`https://127.0.0.1:${machine.port}/`)(machine.url) });
    await from(`https://127.0.0.1:${own.port}`).catch(() => undefined);
    expect(inside).toBeGreaterThan(0);
    await own.stop(true);
  });
}

test("on the internet it is followed: a registry, an archive and a package of npm come from where they lie now", async () => {
  answer = (url) => {
    if (url.host === "first.example" && url.pathname === "/npm/dice")
      return documentWith("https://first.example/npm/dice/-/dice-1.0.0.tgz");
    if (url.host === "first.example")
      return new Response(null, { status: 302, headers: { location: `https://cdn.example${url.pathname}` } });
    if (url.pathname.endsWith(".tgz") && !url.pathname.startsWith("/targets/")) return new Response(archive);
    const file = Bun.file(join(house.folder, decodeURIComponent(url.pathname)));
    return file.size > 0 ? new Response(file) : new Response(null, { status: 404 });
  };
  expect(await registryAt("https://first.example/")).toMatchObject([{ registry: "acme", releases: [{ version: "1.0.0" }] }]);
  expect(await archivePackages(httpReader(options)).resolve({ from: "archive", at: "https://first.example/x.tgz" }, signal)).toMatchObject({
    id: "dice",
  });
  expect(await npmAt("https://first.example")).toMatchObject({ id: "dice" });
  expect(asked.filter(({ url }) => url.startsWith("https://cdn.example/")).length).toBeGreaterThan(4);
});

test("a token goes to its registry, to nobody to whom that leads, and not back again by another's word", async () => {
  const token = "t-1";
  await Bun.write(join(home, ".npmrc"), `//first.example/npm/:_authToken=${token}\n`);
  answer = (url) => {
    if (url.pathname === "/npm/dice") return documentWith("https://first.example/npm/dice/-/dice-1.0.0.tgz");
    if (url.pathname === "/back") return new Response(archive);
    const to = url.host === "first.example" ? "https://cdn.example/on" : "https://first.example/back";
    return new Response(null, { status: 307, headers: { location: to } });
  };
  expect(await npmAt("https://first.example")).toMatchObject({ id: "dice" });
  expect(asked.map(({ url, headers }) => [url, headers.get("authorization")])).toEqual([
    ["https://first.example/npm/dice", `Bearer ${token}`],
    ["https://first.example/npm/dice/-/dice-1.0.0.tgz", `Bearer ${token}`],
    ["https://cdn.example/on", null],
    ["https://first.example/back", null],
  ]);
});

test("git follows nothing by itself: who leads it alone elsewhere leads it nowhere", async () => {
  let led = 0;
  const elsewhere = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(String(++led)) });
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) =>
      request.headers.get("user-agent")?.startsWith("git/") ? Response.redirect(`${elsewhere.url}x.git/info/refs`) : new Response(""),
  });
  await expect(createGitPackages(options).resolve({ from: "git", url: `${server.url}x.git` }, signal)).rejects.toMatchObject({
    code: "REGISTRY_CLIENT_GIT_FAILED",
    message: expect.stringContaining("302"),
  });
  expect(led).toBe(0);
  await Promise.all([server.stop(true), elsewhere.stop(true)]);
});

test("what a gateway installs by goes the same way", async () => {
  const { sources } = placesOf({
    ...{ home, clock: systemClock, fetch: named, limits: { attempts: 1 } },
    config: Value.Parse(ClientConfig, {
      registries: [{ name: "acme", address: "https://first.example/", root: rootFile }],
      clawhub: [{ name: "hub", address: "https://first.example" }],
    }),
  });
  answer = redirect(machine.url.href);
  for (const ask of [
    () => sources.registries.find({ kind: "plugins", id: "dice" }, "acme", signal),
    () => sources.others.clawhub!.resolve({ from: "clawhub", slug: "dice" }, signal),
  ])
    await expect(ask()).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE", message: expect.stringContaining("may not lead") });
  expect(inside).toBe(0);
});
