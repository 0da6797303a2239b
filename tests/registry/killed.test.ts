/** An installation that ends in the middle: the next start has what was there before, and the next installation works. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jsonOf, parseJson5 } from "@pincer/plugin-sdk/json5";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { type Shop, startShop } from "../support/packages.ts";
import { homeWith } from "../support/shop-home.ts";

const script = join(import.meta.dir, "..", "support", "dying-installer.ts");

/** Answers with how it ended. */
async function run(home: string, step: string, request: object, env: object = {}): Promise<string | number | null> {
  const command = [process.execPath, script, home, step, JSON.stringify(request)];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe", env: { ...process.env, ...env } });
  const said = await new Response(child.stderr).text();
  await child.exited;
  if (child.exitCode !== 0 && child.signalCode === null) throw new Error(said);
  return child.signalCode ?? child.exitCode;
}

/** What a gateway that starts with the home has of the plugin. */
async function versionIn(home: string): Promise<string> {
  await using running = await startTestGateway({ home, config: JSON.parse(configIn(home)) });
  const client = await running.connect();
  return await client.call<{ version: string }>("weather.said", {}).then(
    ({ version }) => version,
    ({ error }) => error.code,
  );
}
const configIn = (home: string): string => JSON.stringify(jsonOf(parseJson5(readFileSync(join(home, "pincer.json5"), "utf8"))));
const lockIn = (home: string) => (existsSync(join(home, "pincer.lock")) ? readFileSync(join(home, "pincer.lock"), "utf8") : "");

/** A registry and a home that each test has a copy of, as they are once `prepare` is done. */
async function startPlace(prepare: (shop: Shop, home: string) => Promise<void>) {
  const shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  const folder = mkdtempSync(join(tmpdir(), "pincer-killed-"));
  const home = join(folder, "before");
  mkdirSync(home);
  const config = { plugins: { "registry-client": { enabled: true, config: { registries: [shop.registry] } } } };
  writeFileSync(join(home, "pincer.json5"), JSON.stringify(config));
  await prepare(shop, home);
  return {
    copy(step: string) {
      const to = join(folder, step);
      cpSync(home, to, { recursive: true });
      return to;
    },
    [Symbol.dispose]() {
      rmSync(folder, { recursive: true, force: true });
      shop[Symbol.dispose]();
    },
  };
}

const install = { do: "install", packages: ["weather"] };
const hasWeather = async (_shop: Shop, home: string) => expect(await run(home, "never", install)).toBe(0);

/** In this order; from `settled` on it is done. */
const steps = ["fetching", "staging", "dependencies", "placing", "configuring", "settled", "locked", "done"] as const;
const isDoneAt = (step: string) => ["settled", "locked", "done"].includes(step);

describe("an installation", () => {
  let place: Awaited<ReturnType<typeof startPlace>>;
  beforeAll(async () => {
    place = await startPlace(async () => undefined);
  });
  afterAll(() => place[Symbol.dispose]());

  for (const step of steps)
    test(`killed at the step ${step} has happened or it has not`, async () => {
      const home = place.copy(step);
      expect(await run(home, step, install)).toBe("SIGKILL");
      expect(await versionIn(home)).toBe(isDoneAt(step) ? "1.0.0" : "INVALID_REQUEST");
      expect(await run(home, "never", install)).toBe(0);
      expect(existsSync(join(home, "staging"))).toBe(false);
      expect(await versionIn(home)).toBe("1.0.0");
    }, 60_000);
});

describe("an update", () => {
  let place: Awaited<ReturnType<typeof startPlace>>;
  beforeAll(async () => {
    place = await startPlace(async (shop, home) => {
      await hasWeather(shop, home);
      shop.publish(await shop.make("1.1.0", { permissions: { net: ["api.weather.example:443"] } }));
    });
  }, 60_000);
  afterAll(() => place[Symbol.dispose]());

  for (const step of steps)
    test(`killed at the step ${step} leaves the old version or the new one, and never a part`, async () => {
      const home = place.copy(step);
      const lock = lockIn(home);
      expect(await run(home, step, { do: "update" })).toBe("SIGKILL");
      if (!isDoneAt(step)) expect(lockIn(home)).toBe(lock);
      expect(await versionIn(home)).toBe(isDoneAt(step) ? "1.1.0" : "1.0.0");
      expect(await run(home, "never", { do: "update" })).toBe(0);
      expect(await versionIn(home)).toBe("1.1.0");
      expect(JSON.parse(lockIn(home)).packages["plugins/weather"]).toMatchObject({ version: "1.1.0", before: { version: "1.0.0" } });
    }, 60_000);
});

describe("a mending", () => {
  let place: Awaited<ReturnType<typeof startPlace>>;
  beforeAll(async () => {
    place = await startPlace(hasWeather);
  }, 60_000);
  afterAll(() => place[Symbol.dispose]());

  const mend = { do: "restore", mend: true };
  // Behind the name of what is tried and the record: the new folder beside the old one, the old one away, and the new one in its place.
  for (const step of [3, 4, 5])
    test(`killed behind the file ${step} that it moves is taken back, or brought to its end without anybody's help`, async () => {
      const home = place.copy(`moved-${step}`);
      const folder = join(home, "plugins", "weather");
      const file = join(folder, readFileSync(join(folder, "current"), "utf8").trim(), "plugin.ts");
      const [text, killedAt] = [readFileSync(file, "utf8"), join(home, "killed-at")];
      writeFileSync(file, `${text}// more`);
      writeFileSync(killedAt, String(step));
      const killed = { BUN_OPTIONS: `--preload=${join(import.meta.dir, "killed-at.ts")}`, KILLED_AT: killedAt, KILLED_IN: folder };
      expect(await run(home, "never", mend, killed)).toBe("SIGKILL");
      renameSync(join(home, "cache"), join(home, "cache-away"));
      const settings = join(home, "pincer.json5");
      const written = readFileSync(settings, "utf8");
      writeFileSync(settings, written.replace(/"address":"[^"]+"/, '"address":"http://127.0.0.1:9"'));
      if (step === 3) {
        await expect(run(home, "never", { do: "restore" })).rejects.toThrow("plugin.ts was changed");
        renameSync(join(home, "cache-away"), join(home, "cache"));
        expect(await run(home, "never", mend)).toBe(0);
      } else expect(await run(home, "never", { do: "restore" })).toBe(0);
      expect(readFileSync(file, "utf8")).toBe(text);
      const names = readdirSync(folder).map((name) => name.replace(/^[0-9a-f]{64}/, "<version>"));
      expect(names.sort()).toEqual(["<version>", "<version>.files", "current"]);
    }, 60_000);
});

describe("a removal", () => {
  let place: Awaited<ReturnType<typeof startPlace>>;
  beforeAll(async () => {
    place = await startPlace(hasWeather);
  }, 60_000);
  afterAll(() => place[Symbol.dispose]());

  for (const step of ["removing", "configuring", "settled", "done"])
    test(`killed at the step ${step} has happened or it has not`, async () => {
      const home = place.copy(step);
      const remove = { do: "remove", packages: ["weather"] };
      expect(await run(home, step, remove)).toBe("SIGKILL");
      expect(await versionIn(home)).toBe(isDoneAt(step) ? "INVALID_REQUEST" : "1.0.0");
      if (isDoneAt(step)) await run(home, "never", install);
      else expect(await run(home, "never", remove)).toBe(0);
      expect(await versionIn(home)).toBe(isDoneAt(step) ? "1.0.0" : "INVALID_REQUEST");
    }, 60_000);
});

test("a gateway that is killed while it tries a version starts with the one before", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  await using home = homeWith(shop);
  await home.pincer(["install", "weather", "--yes"]);
  shop.publish(await shop.make("1.1.0", { setup: `if (!ctx.home.includes("pincer-record-")) return new Promise(() => undefined);` }));
  await home.pincer(["up"]);
  expect(await home.json(["call", "weather.said"])).toEqual({ version: "1.0.0" });
  const { pid } = JSON.parse(readFileSync(join(home.path, "gateway.json"), "utf8"));
  const written = watch(join(home.path, "plugins", "weather"));
  const named = new Promise<void>((resolve) => written.on("change", (_kind, name) => name === "next" && resolve()));
  const updating = home.pincer(["update", "--yes"]);
  // The one that is tried never gets ready: as soon as it is named, the gateway is in the middle of trying it.
  await named;
  written.close();
  process.kill(pid, "SIGKILL");
  expect(await updating).toMatchObject({ code: 1 });
  await home.pincer(["up"]);
  expect(await home.json(["call", "weather.said"])).toEqual({ version: "1.0.0" });
  expect(await home.json(["list"])).toMatchObject({ packages: [{ id: "weather", version: "1.0.0" }] });
});
