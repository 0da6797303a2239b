/** What it takes to install what a plugin needs: fetched, from the cache, and beside it what Bun alone takes, which compares nothing that it has unpacked before. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { installDependencies } from "../../plugin-kit/install.ts";
import { createDependencies } from "../../plugins/registry-client/dependencies/dependencies.ts";
import { npmRegistry } from "../../plugins/registry-client/sources/npm-registry.ts";
import { npmSettings } from "../../plugins/registry-client/sources/npm-settings.ts";
import { serveNpm } from "../support/npm-registry.ts";
import type { Part } from "./part.ts";

/** As a channel's library has them. */
const packages = 15;
const filesEach = 60;
const bytesEach = 3_000;

export const dependencies: Part = async () => {
  const folder = mkdtempSync(join(tmpdir(), "pincer-bench-dependencies-"));
  await using registry = serveNpm();
  try {
    const names = Array.from({ length: packages }, (_package, index) => `package-${index}`);
    const wanted = Object.fromEntries(names.map((name) => [name, "1.0.0"]));
    const locked = names.map((name) => {
      const noise = () => Buffer.from(crypto.getRandomValues(new Uint8Array(bytesEach))).toString("base64");
      const files = Object.fromEntries(Array.from({ length: filesEach }, (_file, index) => [`part-${index}.js`, `// ${noise()}`]));
      const { integrity } = registry.publish({ name, version: "1.0.0", files });
      return [name, [`${name}@1.0.0`, "", {}, integrity]] as const;
    });
    const source = join(folder, "source");
    mkdirSync(source);
    writeFileSync(join(source, "package.json"), JSON.stringify({ name: "bench", dependencies: wanted }));
    const lock = { lockfileVersion: 1, workspaces: { "": { name: "bench", dependencies: wanted } }, packages: Object.fromEntries(locked) };
    writeFileSync(join(source, "bun.lock"), JSON.stringify(lock));

    const npm = npmRegistry(npmSettings({ env: { BUN_CONFIG_REGISTRY: registry.url }, home: folder, ask: async () => "" }), {
      fetch,
      clock: systemClock,
    });
    const options = { home: join(folder, "home"), now: () => systemClock.now() };
    const { signal } = new AbortController();
    let count = 0;
    const msOf = async (install: (plugin: string) => Promise<void>): Promise<number> => {
      const plugin = join(folder, `plugin-${count++}`);
      cpSync(source, plugin, { recursive: true });
      const began = performance.now();
      await install(plugin);
      return performance.now() - began;
    };
    const fetched = await msOf((plugin) => createDependencies({ ...options, npm }).install(plugin, () => undefined, signal));
    const cached = await msOf((plugin) => createDependencies(options).install(plugin, () => undefined, signal));
    process.env["BUN_CONFIG_REGISTRY"] = registry.url;
    process.env["BUN_INSTALL_CACHE_DIR"] = join(folder, "bun");
    const byBun = (plugin: string) => installDependencies(plugin, () => undefined);
    const bare = [await msOf(byBun), await msOf(byBun)] as const;
    const part = `what a plugin needs, ${packages} packages (bare: Bun alone)`;
    return [
      { part, what: "fetched from a registry at hand", value: fetched, unit: "ms", bare: bare[0] },
      { part, what: "from the cache, without a network", value: cached, unit: "ms", bare: bare[1] },
    ];
  } finally {
    for (const name of ["BUN_CONFIG_REGISTRY", "BUN_INSTALL_CACHE_DIR"]) delete process.env[name];
    rmSync(folder, { recursive: true, force: true });
  }
};
