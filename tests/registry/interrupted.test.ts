/** Ctrl-C while something is installed: the command ends, and everything is as it was. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { type CliHome, createCliHome } from "../support/cli.ts";
import { startSlow } from "../support/slow-package.ts";

async function interruptedInstall(home: CliHome, { folder, npm, asked }: Awaited<ReturnType<typeof startSlow>>) {
  const command = [...home.command, "install", folder, "--yes"];
  const env = { ...home.env, BUN_CONFIG_REGISTRY: npm.url };
  const installing = Bun.spawn(command, { cwd: dirname(home.path), env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  await asked;
  installing.kill("SIGINT");
  const [out, err, code] = await Promise.all([
    new Response(installing.stdout).text(),
    new Response(installing.stderr).text(),
    installing.exited,
  ]);
  return { code, last: out.trim().split("\n").at(-1), err };
}

const taken = { code: 130, last: 'interrupted: what was begun is taken back: "pincer list" shows what is installed', err: "" };

test("without a gateway: what was begun is taken back, and the next installation goes as if there had been none", async () => {
  await using slow = await startSlow();
  await using home = createCliHome();
  expect(await interruptedInstall(home, slow)).toEqual(taken);
  expect(await home.json(["list"])).toMatchObject({ packages: [] });
  expect(existsSync(join(home.path, "plugins", "weather", "current"))).toBe(false);
  slow.release();
  const again = await home.pincer(["install", slow.folder, "--yes"], { env: { BUN_CONFIG_REGISTRY: slow.npm.url } });
  expect(again.out).toContain("weather 1.0.0 is installed");
}, 60_000);

test("with a gateway: it ends what it does for whoever has left, and goes on with everything else", async () => {
  await using slow = await startSlow();
  await using home = createCliHome({ BUN_CONFIG_REGISTRY: slow.npm.url });
  await home.pincer(["up"]);
  expect(await interruptedInstall(home, slow)).toEqual(taken);
  slow.release();
  const again = await home.pincer(["install", slow.folder, "--yes"]);
  expect(again).toMatchObject({ code: 0, err: "" });
  expect(await home.json(["call", "weather.said"])).toEqual({ version: "1.0.0" });
}, 60_000);
