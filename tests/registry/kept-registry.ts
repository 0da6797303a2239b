/** A registry as `pincer registry init` makes it, with its founders' keys where they belong: offline, which is another folder than the server's. */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createRegistryClient, type RegistryClient } from "../../registry/client/client.ts";
import { createTrustState } from "../../registry/client/state.ts";
import { folderSource } from "../../registry/source.ts";
import { createSigner } from "../../registry/trust/key.ts";
import { type CliHome, createCliHome } from "../support/cli.ts";
import { writePlainPlugin } from "../support/plain-plugin.ts";
import { type RunningServer, startServer } from "./served-registry.ts";

export interface KeptRegistry extends AsyncDisposable {
  readonly home: string;
  readonly folder: string;
  readonly keyFolder: string;
  /** As it is typed: the address of its server, or its folder. */
  readonly place: string;
  readonly cli: CliHome;
  /** Has trusted the first root since the beginning. */
  readonly client: RegistryClient;
  run(...words: string[]): Promise<{ readonly code: number; readonly said: string }>;
  /** As `run`, of what must end with 0. */
  done(...words: string[]): Promise<string>;
  /** A new one's file. */
  key(name: string): string;
  founder(name: string): string;
  plugin(id: string, version: string): string;
}

export async function startKeptRegistry(where: "server" | "folder"): Promise<KeptRegistry> {
  const home = mkdtempSync(join(tmpdir(), "pincer-kept-"));
  const [folder, keyFolder, offline] = ["registry", "registry-keys", "offline"].map((name) => join(home, name)) as [string, string, string];
  const cli = createCliHome();
  const run: KeptRegistry["run"] = async (...words) => {
    const { code, out, err } = await cli.pincer(["registry", ...words]);
    return { code, said: out + err };
  };
  const done: KeptRegistry["done"] = async (...words) => {
    const { code, said } = await run(...words);
    if (code !== 0) throw new Error(`pincer registry ${words.join(" ")} ended with ${code}: ${said}`);
    return said;
  };
  await done("init", folder);
  mkdirSync(offline);
  for (const name of ["root-1", "root-2", "root-3", "targets-1", "targets-2", "revocations"])
    renameSync(join(keyFolder, `${name}.pem`), join(offline, `${name}.pem`));
  const serve = ["registry", "serve", folder, "--port", "0", "--json"];
  const server: RunningServer | undefined = where === "server" ? await startServer([...cli.command, ...serve], cli.env) : undefined;
  let plugins = 0;
  return {
    ...{ home, folder, keyFolder, cli, run, done, place: server?.url ?? folder },
    client: createRegistryClient({
      source: folderSource(folder),
      state: createTrustState(join(home, "trust")),
      root: readFileSync(join(folder, "metadata", "1.root.json")),
      now: () => systemClock.now(),
    }),
    key(name) {
      const file = join(home, `${name}.pem`);
      writeFileSync(file, createSigner().pem, { mode: 0o600 });
      return file;
    },
    founder: (name) => join(offline, `${name}.pem`),
    plugin(id, version) {
      plugins += 1;
      return writePlainPlugin(join(home, "plugins", String(plugins)), { id, version });
    },
    async [Symbol.asyncDispose]() {
      server?.process.kill("SIGTERM");
      await server?.process.exited;
      await cli[Symbol.asyncDispose]();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
