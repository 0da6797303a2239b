import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { pack } from "../../../plugin-kit/archive.ts";
import { readZip } from "../../archive/zip.ts";
import { fingerprintOf } from "../../fingerprint.ts";
import { type House, startHouse } from "../../testing/house.ts";
import { serveRegistry } from "../serve.ts";
import { checkedSettings } from "../settings.ts";

const weather = { kind: "skills", id: "weather" } as const;
const sha256 = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
const file = (path: string, text: string) => ({ path, bytes: Buffer.from(text) });
const skill = (text: string) => [
  file("SKILL.md", `---\nname: weather\ndescription: Weather\n---\n${text}\n`),
  file("scripts/ask.sh", `echo ${text}\n`),
];

interface Served extends AsyncDisposable {
  readonly house: House;
  readonly url: string;
  get(path: string, init?: RequestInit): Promise<Response>;
  json(path: string): Promise<Record<string, unknown>>;
}

async function serve(settings: object = {}): Promise<Served> {
  const house = startHouse(1);
  const server = await serveRegistry({
    ...{ folder: house.folder, online: house.founders.online, host: "127.0.0.1", port: 0 },
    settings: checkedSettings({ rates: { reads: { burst: 1000, perMinute: 1000 } }, ...settings }, "settings"),
    clock: createManualClock(house.clock.now),
    onFault: (error) => {
      throw error;
    },
  });
  const get = (path: string, init?: RequestInit) => fetch(`${server.url}/clawhub/api/v1/${path}`, init);
  return {
    ...{ house, url: server.url, get },
    json: async (path) => (await (await get(path)).json()) as Record<string, unknown>,
    async [Symbol.asyncDispose]() {
      await server.stop();
      house[Symbol.dispose]();
    },
  };
}

test("a site says where its API is, behind a proxy too that ends the encryption", async () => {
  for (const proxies of [0, 1]) {
    await using served = await serve({ proxies });
    const host = new URL(served.url).host;
    for (const name of ["clawhub", "clawdhub"]) {
      const answer = await fetch(`${served.url}/.well-known/${name}.json`, { headers: { "x-forwarded-proto": "https" } });
      const base = `${proxies > 0 ? "https" : "http"}://${host}/clawhub`;
      expect(await answer.json()).toEqual({ apiBase: base, authBase: base });
    }
  }
});

test("a version's zip holds the files that were published, and nothing else; every answer says the same digests of it", async () => {
  await using served = await serve();
  served.house.publish("1.0.0", pack(skill("one")), weather);
  const answer = await served.get("download?slug=weather");
  const zip = await answer.bytes();
  expect(answer.headers.get("content-disposition")).toBe('attachment; filename="weather-1.0.0.zip"');
  expect(answer.headers.get("x-clawhub-artifact-sha256")).toBe(sha256(zip));
  expect(answer.headers.get("digest")).toBe(`sha-256=${Buffer.from(sha256(zip), "hex").toString("base64")}`);
  const found = await readZip(new Blob([zip]).stream());
  expect(found.map(({ path, bytes }) => [path, String(Buffer.from(bytes))])).toEqual(
    skill("one").map(({ path, bytes }) => [path, String(bytes)]),
  );
  const { version } = (await served.json("skills/weather/versions/1.0.0")) as { version: { files: object[]; fingerprint: string } };
  const hashed = skill("one").map(({ path, bytes }) => ({ path, sha256: sha256(bytes) }));
  expect(version.files).toMatchObject(hashed);
  expect(version.fingerprint).toBe(fingerprintOf(hashed));
  expect(await (await served.get("download?slug=weather&version=1.0.0&ownerHandle=@Ada")).bytes()).toEqual(zip);
  const one = await served.get("skills/weather/file?path=scripts/ask.sh");
  expect([await one.text(), one.headers.get("content-security-policy")]).toEqual(["echo one\n", "default-src 'none'; sandbox"]);
  expect(await served.json("skills/weather/install")).toEqual({
    ...{ ok: true, slug: "weather", installKind: "archive" },
    archive: { version: "1.0.0", downloadUrl: "/clawhub/api/v1/download?slug=weather&version=1.0.0" },
  });
});

test("the files that somebody has are known again, of whatever version they are", async () => {
  await using served = await serve();
  for (const version of ["1.0.0", "1.1.0", "2.0.0-beta.1"]) served.house.publish(version, pack(skill(version)), weather);
  const resolve = (text: string) => {
    const hash = fingerprintOf(skill(text).map(({ path, bytes }) => ({ path, sha256: sha256(bytes) })));
    return served.json(`resolve?slug=weather&hash=${hash}`);
  };
  const latestVersion = { version: "1.1.0" };
  expect(await resolve("1.0.0")).toEqual({ slug: "weather", match: { version: "1.0.0" }, latestVersion });
  expect(await resolve("2.0.0-beta.1")).toEqual({ slug: "weather", match: { version: "2.0.0-beta.1" }, latestVersion });
  expect(await resolve("changed")).toEqual({ slug: "weather", match: null, latestVersion });
});

test("a release is unpacked once for whoever compares with it or fetches it, and not each time", async () => {
  await using served = await serve();
  const large = (version: string) => [...skill(version), { path: "zeros", bytes: Buffer.alloc(40 * 2 ** 20) }];
  for (const version of ["1.0.0", "1.1.0"]) served.house.publish(version, pack(large(version)), weather);
  const ask = () => served.json(`resolve?slug=weather&hash=${"0".repeat(64)}`);
  const zip = async (version: string) => sha256(await (await served.get(`download?slug=weather&version=${version}`)).bytes());
  const before = [await ask(), await zip("1.0.0"), await zip("1.1.0")];
  rmSync(join(served.house.folder, "targets", "skills"), { recursive: true });
  expect([await ask(), await zip("1.0.0"), await zip("1.1.0")]).toEqual(before);
});

test("a version that nobody should run is called malicious, and not handed out; the one before it is", async () => {
  await using served = await serve();
  for (const version of ["1.0.0", "1.1.0"]) served.house.publish(version, pack(skill(version)), weather);
  served.house.repository.revoke(
    [{ ...weather, versions: ["1.1.0"], reason: "It sends letters home", at: "2031-05-04T10:00:00Z" }],
    served.house.founders.revocations,
  );
  expect(await served.json("skills/weather")).toMatchObject({
    moderation: {
      isMalwareBlocked: true,
      isSuspicious: false,
      verdict: "malicious",
      reasonCodes: ["revoked"],
      summary: "It sends letters home",
    },
  });
  for (const path of ["download?slug=weather", "skills/weather/file?path=SKILL.md"]) {
    const refused = await served.get(path);
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining("It sends letters home")]);
  }
  expect((await served.get("download?slug=weather&version=1.0.0")).status).toBe(200);
  expect(await served.json("skills/weather/moderation")).toMatchObject({ moderation: { verdict: "malicious" } });
});

test("what is not there, and what is not understood, is said in plain text", async () => {
  await using served = await serve();
  served.house.publish("1.0.0", pack(skill("one")), weather);
  served.house.publish("1.0.0", pack([file("plugin.json", "{}")]));
  for (const [path, status, says] of [
    ["skills/nothing", 404, "Skill not found"],
    ["skills/channel-telegram", 404, "Skill not found"],
    ["skills/..%2fmetadata", 404, "Skill not found"],
    ["skills/%zz", 400, "percent sign"],
    ["skills/weather?ownerHandle=eve", 404, "Skill not found"],
    ["skills/weather/versions/9.0.0", 404, "Version not found"],
    ["skills/weather/versions?limit=many", 400, "Invalid limit"],
    ["skills/weather/file?path=../../server.db", 404, "File not found"],
    ["skills/weather/moderation", 404, "Moderation details unavailable"],
    ["skills?sort=luck", 400, "Invalid sort"],
    ["search", 400, "Missing q"],
    ["download", 400, "Missing slug"],
    ["download?slug=weather&tag=beta", 404, "Version not found"],
    ["resolve?slug=weather&hash=short", 400, "Invalid hash"],
    ["whoami", 401, "no accounts"],
    ["packages", 404, "Not found"],
  ] as const) {
    const answer = await served.get(path);
    const told = { path, status: answer.status, type: answer.headers.get("content-type"), text: await answer.text() };
    expect(told).toEqual({ path, status, type: "text/plain; charset=utf-8", text: expect.stringContaining(says) });
  }
  const posted = await served.get("skills", { method: "POST", body: "{}" });
  expect([posted.status, await posted.text()]).toEqual([405, expect.stringContaining("pincer registry publish")]);
});

test("lists are answered a page at a time, in every order", async () => {
  await using served = await serve();
  const ids = ["calendar", "cooking", "weather"];
  for (const id of ids) {
    served.house.clock.now += 1000;
    served.house.publish("1.0.0", pack(skill(id)), { kind: "skills", id });
  }
  const all = async (query: string) => {
    const found: string[] = [];
    for (let cursor: unknown = ""; cursor !== null; ) {
      const page = (await served.json(`skills?limit=2&${query}${cursor === "" ? "" : `&cursor=${cursor}`}`)) as {
        readonly items: readonly { readonly slug: string }[];
        readonly nextCursor: string | null;
      };
      expect(page.items.length).toBeLessThanOrEqual(2);
      found.push(...page.items.map(({ slug }) => slug));
      cursor = page.nextCursor;
    }
    return found;
  };
  expect(await all("sort=name")).toEqual(ids);
  expect(await all("")).toEqual(ids.toReversed());
  expect(await all("prefix=c")).toEqual(["calendar", "cooking"]);
  expect(await all("prefix=%25")).toEqual([]);
  await served.get("download?slug=cooking");
  expect((await all("sort=downloads"))[0]).toBe("cooking");
  const exact = await served.json("search?q=Cooking&mode=exact");
  expect(exact["results"]).toMatchObject([{ slug: "cooking", ownerHandle: "ada", downloads: 1 }]);
  expect(await served.json("search?q=cook&mode=exact")).toEqual({ results: [] });
});
