import { afterAll, beforeEach, expect, test } from "bun:test";
import { writeZip } from "@pincer/registry/archive/zip-write";
import { type HttpReaderOptions, httpReader } from "@pincer/registry/http-source";
import { serveClawHub } from "../../../tests/support/clawhub-site.ts";
import { clawHubPackages } from "./clawhub.ts";
import { createClawHubSite } from "./clawhub-site.ts";
import { contentSha256 } from "./contents.ts";

const site = serveClawHub();
afterAll(() => site[Symbol.asyncDispose]());
beforeEach(() => {
  site.disturb(() => false);
  waits.length = 0;
});

const waits: number[] = [];
/** Waits pass at once, but for the one for a byte that does not come. */
const options: HttpReaderOptions = {
  fetch,
  clock: {
    now: () => 0,
    sleep: async (ms, signal) => {
      if (ms !== 30_000) return void waits.push(ms);
      await new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    },
  },
};
const open = (over: Partial<HttpReaderOptions> = {}, address = site.url) =>
  clawHubPackages([createClawHubSite({ name: "clawhub", address }, httpReader({ ...options, ...over }))]);
const source = open();
const { signal } = new AbortController();
const resolve = (slug: string, version?: string, from = source) =>
  from.resolve({ from: "clawhub", slug, ...(version !== undefined && { version }) }, signal);
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error) => error,
  );
const refusal = (code: string, message: string) => ({ code, message: expect.stringContaining(message) });
const texts = (files: readonly { readonly path: string; readonly bytes: Uint8Array }[]) =>
  Object.fromEntries(files.map(({ path, bytes }) => [path, String(Buffer.from(bytes))]));

let count = 0;
const fresh = () => `weather-${count++}`;
const skill = (text: string) => ({
  "SKILL.md": `---\nname: weather\ndescription: Weather\n---\n${text}\n`,
  "scripts/ask.sh": `echo ${text}\n`,
});
const contentOf = (files: Readonly<Record<string, string>>) =>
  contentSha256(Object.entries(files).map(([path, text]) => ({ path, bytes: Buffer.from(text) })));

test("a skill of a site is its files, without the site's own notes, under its owner's name", async () => {
  const slug = fresh();
  const zip = site.publish({ slug, version: "1.0.0", files: { ...skill("one"), "skill-card.md": "Nice" }, security: { status: "clean" } });
  site.publish({ slug, version: "1.1.0", files: skill("two"), security: "of this zip" });
  for (const asked of [slug, `@ada/${slug}`, `clawhub:@Ada/${slug}`]) {
    const found = await resolve(asked);
    const origin = { from: "clawhub", site: site.url, slug: `@ada/${slug}`, sha256: contentOf(skill("two")) };
    expect(found).toMatchObject({ kind: "skills", id: slug, version: "1.1.0", origin, notices: [] });
    expect(texts(await found.files(signal))).toEqual(skill("two"));
  }
  const older = await resolve(slug, "1.0.0");
  expect(older).toMatchObject({ version: "1.0.0", size: zip.length, origin: { sha256: contentOf(skill("one")) }, notices: [] });
});

test("a locked skill is had again while its bytes are the same, also with another page about it, and refused with others", async () => {
  const slug = fresh();
  site.publish({ slug, version: "1.0.0", files: skill("one") });
  const { origin } = await resolve(slug);
  if (origin.from !== "clawhub") throw new Error("another origin");
  const locked = source.exactly(origin, { kind: "skills", id: slug, version: "1.0.0" });
  expect(texts(await locked.files(signal))).toEqual(skill("one"));
  const other = fresh();
  site.publish({ slug: other, version: "1.0.0", files: { ...skill("one"), "skill-card.md": "Written later" } });
  const sameBytes = source.exactly({ ...origin, slug: other }, { kind: "skills", id: other, version: "1.0.0" });
  expect(texts(await sameBytes.files(signal))).toEqual(skill("one"));
  const changed = fresh();
  site.publish({ slug: changed, version: "1.0.0", files: skill("changed") });
  const swapped = source.exactly({ ...origin, slug: changed }, { kind: "skills", id: changed, version: "1.0.0" });
  expect(await failureOf(swapped.files(signal))).toMatchObject(refusal("REGISTRY_FILE_WRONG", "is another one now"));
  const before = site.asked.length;
  const elsewhere = source.exactly({ ...origin, site: "http://127.0.0.1:1" }, { kind: "skills", id: slug, version: "1.0.0" });
  expect(await failureOf(elsewhere.files(signal))).toMatchObject(refusal("REGISTRY_CLIENT_UNKNOWN", "not among the configured sites"));
  expect(site.asked).toHaveLength(before);
});

test("what the site's scan says is shown, and what it calls bad needs a yes of its own", async () => {
  const noticesOf = async (skillOf: Partial<Parameters<typeof site.publish>[0]>) => {
    const slug = fresh();
    site.publish({ slug, version: "1.0.0", files: skill("one"), ...skillOf });
    return (await resolve(slug)).notices;
  };
  const bad = {
    isSuspicious: true,
    isMalwareBlocked: false,
    verdict: "suspicious",
    reasonCodes: ["suspicious.eval"],
    summary: "Runs\n\u001b[2Jcode",
  };
  expect(await noticesOf({ moderation: bad, security: { status: "suspicious" } })).toEqual([
    { code: "suspicious", level: "yes", text: "its site calls it suspicious: Runs [2Jcode; suspicious.eval" },
  ]);
  expect(await noticesOf({ security: { status: "malicious" } })).toMatchObject([{ code: "malicious", level: "yes" }]);
  expect(await noticesOf({ moderation: { ...bad, isMalwareBlocked: true } })).toMatchObject([{ code: "malicious", level: "yes" }]);
  for (const security of [undefined, { status: "pending" }, { status: "error" }])
    expect(await noticesOf(security ? { security } : {})).toMatchObject([{ code: "unscanned", level: "note" }]);
  expect(await noticesOf({ security: { status: "clean", sha256hash: "0".repeat(64) } })).toMatchObject([{ code: "scanned-otherwise" }]);
});

test("whoever asks to be left alone is left alone as long as he asks, and then it goes on", async () => {
  const slug = fresh();
  site.publish({ slug, version: "1.0.0", files: skill("one") });
  const limited: (readonly [status: number, headers: Record<string, string>])[] = [
    [429, { "retry-after": "7" }],
    [429, { "ratelimit-reset": "9", "x-ratelimit-reset": "1771404540" }],
    [503, {}],
  ];
  site.disturb((exchange, zip) => {
    const next = zip && limited.shift();
    if (!next) return false;
    exchange.send(next[0], "Rate limit exceeded", { "content-type": "text/plain", ...next[1] });
    return true;
  });
  expect(texts(await (await resolve(slug)).files(signal))).toEqual(skill("one"));
  expect(waits).toEqual([7000, 9000, 2000]);
});

test("a zip that breaks off goes on where it broke off, and one that never comes is given up", async () => {
  const slug = fresh();
  site.publish({ slug, version: "1.0.0", files: skill("one"), tells: true });
  let attempts = 0;
  site.disturb(async (exchange, zip) => {
    if (!zip || attempts++ > 0) return false;
    exchange.begin(200, { "content-length": String(zip.length) });
    await exchange.write(zip.subarray(0, 50));
    exchange.reset();
    return true;
  });
  expect(texts(await (await resolve(slug)).files(signal))).toEqual(skill("one"));
  for (const status of [429, 500]) {
    site.disturb((exchange, zip) => {
      if (zip) exchange.send(status, "");
      return zip !== undefined;
    });
    expect(await failureOf(resolve(slug))).toMatchObject(refusal("REGISTRY_UNREACHABLE", `answers ${status}`));
  }
});

test("a site that sends nothing, or one byte now and then, is given up", async () => {
  const slug = fresh();
  site.publish({ slug, version: "1.0.0", files: skill("one") });
  // As long as it is told that time passes.
  let now = 0;
  const clock = { now: () => (now += 20_000), sleep: async () => undefined };
  site.disturb(async (exchange, zip) => {
    if (!zip) return false;
    exchange.begin(200, {});
    await exchange.write(zip.subarray(0, 1));
    await exchange.left;
    return true;
  });
  expect(await failureOf(resolve(slug, undefined, open({ clock, limits: { patienceMs: 1 } })))).toMatchObject({
    code: "REGISTRY_UNREACHABLE",
  });
});

test("no zip that was cut off or changed in one place is accepted where the site tells its digest; elsewhere none gives other files", async () => {
  for (const tells of [true, false]) {
    const slug = fresh();
    const whole = site.publish({ slug, version: "1.0.0", files: skill("one"), tells });
    let sent = whole;
    site.disturb(() => false);
    const { origin } = await resolve(slug);
    if (origin.from !== "clawhub") throw new Error("another origin");
    const again = source.exactly(origin, { kind: "skills", id: slug, version: "1.0.0" });
    site.disturb(async (exchange, zip) => {
      if (!zip) return false;
      const digest = new Bun.CryptoHasher("sha256").update(whole).digest("hex");
      exchange.begin(200, tells ? { "x-clawhub-artifact-sha256": digest } : {});
      await exchange.write(sent);
      exchange.end();
      return true;
    });
    const codes = ["REGISTRY_FILE_WRONG", "REGISTRY_ARCHIVE_INVALID", "REGISTRY_ARCHIVE_TOO_LARGE"];
    for (let at = 0; at < whole.length; at++) {
      sent = Buffer.from(whole);
      sent[at] = whole[at]! ^ (1 << (at % 8));
      const found = await (tells ? again.files(signal).then((all) => ({ files: async () => all })) : resolve(slug)).catch(
        (error) => error.code,
      );
      if (typeof found === "string") expect(codes).toContain(found);
      else expect({ tells, at, files: texts(await found.files(signal)) }).toEqual({ tells: false, at, files: skill("one") });
    }
    for (const length of [0, 1, 21, 22, 100, whole.length - 23, whole.length - 1]) {
      sent = whole.subarray(0, length);
      expect(codes).toContain(((await failureOf(resolve(slug))) as { code: string }).code);
    }
  }
}, 240_000);

test("files that are not those of the site's list are refused, and so is a note that speaks of another version", async () => {
  const [slug, other] = [fresh(), fresh()];
  site.publish({ slug, version: "1.0.0", files: skill("one") });
  const send = (files: Readonly<Record<string, string>>, of = slug, version = "1.0.0") => {
    const zip = site.publish({ slug: of === slug ? other : of, version, files });
    site.disturb(async (exchange, asked) => {
      if (!asked) return false;
      exchange.begin(200, {});
      await exchange.write(zip);
      exchange.end();
      return true;
    });
    return failureOf(resolve(slug, "1.0.0"));
  };
  expect(await send(skill("one"))).toMatchObject(refusal("REGISTRY_FILE_WRONG", `_meta.json in it says that it is "${other}" "1.0.0"`));
  site.disturb(() => false);
  for (const [files, says] of [
    [{ ...skill("one"), more: "more" }, '"more" came, which is not in its list'],
    [{ "SKILL.md": skill("one")["SKILL.md"] }, '"scripts/ask.sh" is in its list of files, and did not come'],
    [skill("two"), "in its list of files"],
  ] as const) {
    const listed = fresh();
    const zip = site.publish({ slug: listed, version: "1.0.0", files });
    site.disturb((exchange, asked) => {
      if (asked || !exchange.path.includes("/versions/")) return false;
      const listing = Object.entries(skill("one")).map(([path, text]) => ({
        ...{ path, size: Buffer.byteLength(text), sha256: new Bun.CryptoHasher("sha256").update(text).digest("hex") },
      }));
      exchange.send(200, JSON.stringify({ version: { version: "1.0.0", files: listing } }));
      return true;
    });
    expect(zip.length).toBeGreaterThan(0);
    expect(await failureOf(resolve(listed))).toMatchObject(refusal("REGISTRY_FILE_WRONG", says));
  }
});

test("what is not there, not here, or under another name is said with what to do", async () => {
  expect(await failureOf(resolve("nothing"))).toMatchObject(refusal("REGISTRY_NOT_FOUND", "(404): Skill not found"));
  const slug = fresh();
  site.publish({ slug, version: "1.0.0", files: skill("one") });
  expect(await failureOf(resolve(`@eve/${slug}`))).toMatchObject({ code: "REGISTRY_NOT_FOUND" });
  expect(await failureOf(resolve(slug, "9.0.0"))).toMatchObject(refusal("REGISTRY_NOT_FOUND", "Version not found"));
  expect(await failureOf(resolve(`other:${slug}`))).toMatchObject(refusal("REGISTRY_CLIENT_UNKNOWN", "configured are: clawhub"));
  const bare = fresh();
  site.publish({ slug: bare, version: "1.0.0", files: { "README.md": "no skill" } });
  expect(await failureOf(resolve(bare))).toMatchObject(refusal("REGISTRY_CLIENT_PACKAGE_INVALID", "expected a SKILL.md"));
  const page = (value: object) => {
    site.disturb((exchange) => {
      if (exchange.path.includes("/install"))
        exchange.send(
          200,
          JSON.stringify({
            ok: true,
            slug,
            installKind: "github",
            github: { repo: "ada/skills", path: "weather", commit: "a".repeat(40) },
          }),
        );
      else if (exchange.path.includes(`/skills/${slug}`)) exchange.send(200, JSON.stringify(value));
      else return false;
      return true;
    });
    return failureOf(resolve(slug));
  };
  const said = { skill: { slug, displayName: slug, tags: {}, createdAt: 0, updatedAt: 0 }, latestVersion: null, owner: { handle: "ada" } };
  expect(await page(said)).toMatchObject(
    refusal("REGISTRY_NOT_FOUND", `install git:https://github.com/ada/skills.git#${"a".repeat(40)}:weather`),
  );
  expect(await page({ ...said, skill: { ...said.skill, slug: "climate" } })).toMatchObject(
    refusal("REGISTRY_NOT_FOUND", `${slug} is called @ada/climate at clawhub now`),
  );
  expect(await page({ ...said, skill: { slug: 5 } })).toMatchObject(refusal("REGISTRY_METADATA_INVALID", "otherwise than ClawHub's API"));
  const version = { version: "newest", createdAt: 0 };
  expect(await page({ ...said, latestVersion: version })).toMatchObject(refusal("REGISTRY_METADATA_INVALID", 'in a version "newest"'));
});

test("a site puts no command into what somebody will type, and says no more than anybody reads", async () => {
  const slug = fresh();
  let path = "weather $(touch evil)";
  site.publish({ slug, version: "1.0.0", files: skill("one") });
  site.disturb((exchange) => {
    const github = { repo: "ada/skills", path, commit: "a".repeat(40) };
    if (exchange.path.includes("/install")) exchange.send(200, JSON.stringify({ ok: true, installKind: "github", github }));
    else if (exchange.path.endsWith(`/skills/${slug}`))
      exchange.send(
        200,
        JSON.stringify({
          skill: { slug, displayName: slug, tags: {}, createdAt: 0, updatedAt: 0 },
          latestVersion: null,
          owner: null,
        }),
      );
    else return false;
    return true;
  });
  expect(await failureOf(resolve(slug))).toMatchObject({
    code: "REGISTRY_NOT_FOUND",
    message: `clawhub does not have ${slug} itself: it lies in https://github.com/ada/skills`,
  });
  path = "weather/one";
  expect(await failureOf(resolve(slug))).toMatchObject(refusal("REGISTRY_NOT_FOUND", `install git:https://github.com/ada/skills.git#`));
  const note = { path: "_meta.json", bytes: Buffer.from(JSON.stringify({ slug: "x".repeat(500_000) })) };
  site.disturb(async (exchange, zip) => {
    if (!zip) return false;
    exchange.begin(200, {});
    await exchange.write(writeZip([note]));
    exchange.end();
    return true;
  });
  const { message } = (await failureOf(resolve(slug))) as Error;
  expect(message).toContain("_meta.json in it says that it is");
  expect(message.length).toBeLessThan(400);
});

test("a site leads nobody elsewhere without encryption, and an address that is none is refused", async () => {
  site.disturb((exchange) => {
    if (!exchange.path.startsWith("/.well-known/")) return false;
    exchange.send(200, JSON.stringify({ apiBase: "http://10.0.0.1/hub" }));
    return true;
  });
  expect(await failureOf(resolve("weather", undefined, open()))).toMatchObject(
    refusal("REGISTRY_METADATA_INVALID", "where it may not lead"),
  );
  for (const address of ["ftp://site.example", "http://site.example", "https://ada:secret@site.example", "site"])
    expect(() => open({}, address)).toThrow(expect.objectContaining({ code: "REGISTRY_CLIENT_CONFIG_INVALID" }));
});
