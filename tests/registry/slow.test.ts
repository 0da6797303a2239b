/** Servers that are slow: nobody else waits for them, nobody waits for ever, and whoever does wait knows for whom. */
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { type Exchange, serveHttp } from "@pincer/plugin-sdk/testing/http-server";
import { type CliHome, createCliHome } from "../support/cli.ts";
import { startShop } from "../support/packages.ts";
import { homeWith } from "../support/shop-home.ts";
import { startSlow } from "../support/slow-package.ts";

const piece = Buffer.alloc(4_096);

/** Under way, as somebody sees it who types it. */
function begin(home: CliHome, words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const started = Bun.spawn([...home.command, ...words], {
    ...{ cwd: dirname(home.path), env: { ...home.env, ...env } },
    ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  });
  return {
    started,
    out: new Response(started.stdout).text(),
    /** The first line of what is no result, once it is there. */
    async said(): Promise<string> {
      let text = "";
      for await (const part of started.stderr) {
        text += Buffer.from(part).toString();
        if (text.includes("\n")) break;
      }
      return text;
    },
  };
}

for (const [method, params] of [
  ["plan", (at: string) => ({ request: { do: "install", packages: [at] } })],
  ["info", (at: string) => ({ package: at })],
] as const)
  test(`what drips is given up after a time, with what had come (${method})`, async () => {
    const begun = Promise.withResolvers<Exchange>();
    await using server = serveHttp((exchange) => {
      exchange.begin(200, { "content-length": String(12 * 2 ** 20) });
      begun.resolve(exchange);
    });
    const home = mkdtempSync(join(tmpdir(), "pincer-slow-"));
    const clock = createManualClock(Date.now());
    const gateway = { plugins: { heartbeatMs: 3_600_000, stallMs: 7_200_000 } };
    const config = { gateway, plugins: { "registry-client": { config: { fetchMinutes: 1 } } } };
    {
      await using running = await startTestGateway({ home, clock, config });
      const client = await running.connect();
      const asking = client.call(`registry-client.${method}`, params(`${server.origin}/x.tgz`));
      let isOver = false;
      const outcome = asking
        .catch((error) => error)
        .finally(() => {
          isOver = true;
        });
      const exchange = await begun.promise;
      let sent = 0;
      for (; !isOver; sent += piece.length) {
        // Who has given up takes nothing more.
        await Promise.race([exchange.write(piece), outcome]);
        await clock.advance(500);
      }
      const { error } = await outcome;
      expect(error).toMatchObject({ code: "UNAVAILABLE", details: { code: "REGISTRY_UNREACHABLE" } });
      const [, came] = /^it was not fetched within 1 min .*: of http.*\/x\.tgz (\d+) bytes had come$/.exec(error.message) ?? [];
      expect(Number(came)).toBeGreaterThan(0);
      expect(Number(came)).toBeLessThanOrEqual(sent);
    }
    rmSync(home, { recursive: true, force: true });
  });

for (const isRunning of [false, true])
  test(`while what one plugin needs does not come, another one is installed ${isRunning ? "with" : "without"} a gateway, and then it comes`, async () => {
    await using slow = await startSlow();
    const other = await slow.shop.make("1.0.0", { id: "tides" });
    await using home = createCliHome({ BUN_CONFIG_REGISTRY: slow.npm.url });
    if (isRunning) await home.pincer(["up"]);
    const first = begin(home, ["install", slow.folder, "--yes"]);
    await slow.asked;
    expect(await home.pincer(["install", other.folder, "--yes"])).toMatchObject({
      ...{ code: 0, err: "" },
      out: expect.stringContaining("tides 1.0.0 is installed"),
    });
    slow.release();
    expect(await first.out).toContain("weather 1.0.0 is installed");
    expect(await first.started.exited).toBe(0);
    expect(await home.json(["list"])).toMatchObject({ packages: [{ id: "tides" }, { id: "weather" }] });
    expect(existsSync(join(home.path, "staging"))).toBe(false);
  }, 120_000);

test("whoever installs while another one is at it is told whom he waits for, may give up, and else comes next", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  const other = await shop.make("1.0.0", { id: "tides" });
  await using home = homeWith(shop);
  const script = join(import.meta.dir, "..", "support", "dying-installer.ts");
  const request = JSON.stringify({ do: "install", packages: ["weather"] });
  const first = Bun.spawn([process.execPath, script, home.path, "placing", request, "SIGSTOP"], { stdout: "pipe", stderr: "pipe" });
  const reader = first.stdout.getReader();
  await reader.read();
  expect(statSync(join(home.path, "install.lock")).mode & 0o777).toBe(0o600);

  const words = new RegExp(`^waits for "pincer install weather" \\(process ${first.pid}, since \\d{4}-.*Z\\)\n$`);
  const impatient = begin(home, ["install", other.folder, "--yes"]);
  expect(await impatient.said()).toMatch(words);
  impatient.started.kill("SIGINT");
  expect(await impatient.started.exited).toBe(130);

  const second = begin(home, ["install", other.folder, "--yes"]);
  expect(await second.said()).toMatch(words);
  first.kill("SIGCONT");
  expect(await first.exited).toBe(0);
  expect(await second.out).toContain("tides 1.0.0 is installed");
  expect(await home.json(["list"])).toMatchObject({ packages: [{ id: "tides" }, { id: "weather" }] });
  expect(existsSync(join(home.path, "install.lock.json"))).toBe(false);
}, 120_000);
