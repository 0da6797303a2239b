/** Somebody else who has an account on the machine: what a gateway with installed packages keeps is not for him, also where its folder stands open. */
import { expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { dirname } from "node:path";
import { createCliHome } from "../support/cli.ts";
import { startSlow } from "../support/slow-package.ts";

const nobody = 65_534;
/** Only root may ask as somebody else. */
const asOthers = test.skipIf(process.getuid?.() !== 0 || Bun.which("setpriv") === null);

/** What the other one finds there. */
function found(folder: string, ...how: readonly string[]): readonly string[] {
  const as = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups", "--"];
  const { stdout } = Bun.spawnSync([...as, "find", folder, ...how], { stdout: "pipe", stderr: "ignore" });
  return String(stdout)
    .split("\n")
    .filter(Boolean)
    .map((path) => path.slice(folder.length + 1))
    .filter((path) => path !== "");
}

asOthers(
  "another user enters no home, and of one that stands open reads what was published, and nothing else",
  async () => {
    await using slow = await startSlow();
    slow.release();
    await using home = createCliHome({ BUN_CONFIG_REGISTRY: slow.npm.url });
    expect(await home.pincer(["install", slow.folder, "--yes"])).toMatchObject({ code: 0, err: "" });
    await home.pincer(["up"]);
    expect(await home.json(["call", "weather.said"])).toEqual({ version: "1.0.0" });
    chmodSync(dirname(home.path), 0o755);
    expect(found(home.path, "-mindepth", "1")).toEqual([]);

    chmodSync(home.path, 0o755);
    expect(found(home.path).length).toBeGreaterThan(5);
    expect(
      found(home.path, "-readable", "(", "-type", "f", "-o", "-type", "s", ")").filter((path) => !/^plugins\/weather\//.test(path)),
    ).toEqual([]);
    expect(found(home.path, "-writable", "!", "-type", "l")).toEqual([]);
  },
  60_000,
);
