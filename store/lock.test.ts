import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { homeHolder, lockHome } from "./lock.ts";

const root = mkdtempSync(join(tmpdir(), "pincer-lock-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const newHome = () => mkdtempSync(join(root, "home-"));

/** A process of its own that holds the home until it is killed. */
async function holder(home: string) {
  const script = `const { lockHome } = await import(${JSON.stringify(join(import.meta.dir, "lock.ts"))});
    lockHome(${JSON.stringify(home)}); Bun.gc(true); console.log("held"); process.stdin.on("data", () => {});`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toBe("held\n");
  const kill = async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
  return { pid: child.pid, kill, [Symbol.asyncDispose]: kill };
}

test("a second gateway on a home is refused and told which process holds it", async () => {
  const home = newHome();
  await using child = await holder(home);
  expect(() => lockHome(home)).toThrow(`another gateway (pid ${child.pid}) uses ${home}`);
  try {
    lockHome(home);
  } catch (error) {
    expect(error).toMatchObject({ code: "HOME_IN_USE", data: { home, pid: child.pid } });
  }
  expect(homeHolder(home)).toEqual({ pid: child.pid });
});

test("a gateway that was killed leaves the home free, whoever has its pid now", async () => {
  const home = newHome();
  await using child = await holder(home);
  await child.kill();
  writeFileSync(join(home, "gateway.pid"), `${process.pid}\n`);
  expect(homeHolder(home)).toBeUndefined();
  using _ = lockHome(home);
  expect(homeHolder(home)).toEqual({ pid: process.pid });
});

test("two gateways in one process exclude each other too, and a stopped one lets go", () => {
  const home = newHome();
  const first = lockHome(home);
  expect(() => lockHome(home)).toThrow(expect.objectContaining({ code: "HOME_IN_USE" }));
  first[Symbol.dispose]();
  expect(existsSync(join(home, "gateway.pid"))).toBe(false);
  const second = lockHome(home);
  expect(() => lockHome(home)).toThrow();
  second[Symbol.dispose]();
});

test("a holder that has not written its pid yet, or wrote nonsense, is still a holder", () => {
  const home = newHome();
  using _ = lockHome(home);
  writeFileSync(join(home, "gateway.pid"), "not a number");
  expect(homeHolder(home)).toEqual({ pid: undefined });
  rmSync(join(home, "gateway.pid"));
  expect(() => lockHome(home)).toThrow(`another gateway uses ${home}`);
});

test("a home that cannot be written to is not reported as being in use", () => {
  const home = join(root, "nowhere");
  expect(() => lockHome(home)).toThrow(expect.objectContaining({ code: "STORE_FAILED" }));
});
