/** A registry that `pincer registry serve` serves, in a process of its own, with packages to publish. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createRegistryClient, type RegistryClient } from "../../registry/client/client.ts";
import { createTrustState } from "../../registry/client/state.ts";
import { httpSource } from "../../registry/http-source.ts";
import { createRepository, type Founders } from "../../registry/repository/create.ts";
import { createSigner, type Signer } from "../../registry/trust/key.ts";
import { type CliHome, createCliHome } from "../support/cli.ts";
import { writePlainPlugin } from "../support/plain-plugin.ts";

export interface ServedRegistry extends AsyncDisposable {
  readonly folder: string;
  readonly keyFolder: string;
  readonly url: string;
  /** Of the server's process. */
  readonly pid: number;
  readonly cli: CliHome;
  readonly root: Uint8Array;
  readonly online: Signer;
  readonly founders: Founders;
  /** A key as `pincer registry keygen` makes one: its file, and what signs with it. */
  key(name: string): { readonly file: string; readonly signer: Signer };
  /** A plugin's folder, to be published. */
  plugin(id: string, version: string, files?: Readonly<Record<string, string>>): string;
  /** Packs, signs and sends it, with --json. */
  publish(folder: string, publisher: string, keyFile: string, ...more: string[]): Promise<Published>;
  client(): RegistryClient;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** Ends the server as `kill` does, and answers with its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number>;
  /** Again, over the same folder. */
  start(): Promise<void>;
  temporary(name: string): string;
}

export interface Published {
  readonly ok: boolean;
  readonly error?: { readonly code: string; readonly message: string };
  readonly isNew?: boolean;
  readonly sha256?: string;
  readonly findings?: readonly { readonly rule: string; readonly severity: string }[];
}

export async function startServedRegistry(settings: object = {}, env: Readonly<Record<string, string>> = {}): Promise<ServedRegistry> {
  const home = mkdtempSync(join(tmpdir(), "pincer-served-"));
  const [folder, keyFolder] = [join(home, "registry"), join(home, "keys")];
  const cli = createCliHome();
  mkdirSync(folder);
  mkdirSync(keyFolder);
  const online = createSigner();
  const signer = () => createSigner().signer;
  const founders: Founders = {
    root: [signer()],
    rootThreshold: 1,
    targets: [signer()],
    targetsThreshold: 1,
    online: online.signer,
    revocations: [],
  };
  const root = createRepository(folder, { founders, parts: 16, now: () => systemClock.now() });
  writeFileSync(join(keyFolder, "online.pem"), online.pem, { mode: 0o600 });
  writeFileSync(join(folder, "server.json"), JSON.stringify(settings));
  let running: RunningServer | undefined;
  let port = "0";
  let folders = 0;
  const temporary = (name: string) => {
    folders += 1;
    const made = join(home, `${folders}`, name);
    mkdirSync(made, { recursive: true });
    return made;
  };
  const registry: ServedRegistry = {
    ...{ folder, keyFolder, cli, root, temporary, founders, online: online.signer },
    get url() {
      return running!.url;
    },
    get pid() {
      return running!.process.pid;
    },
    key(name) {
      const { signer: made, pem } = createSigner();
      const file = join(temporary("key"), `${name}.pem`);
      writeFileSync(file, pem, { mode: 0o600 });
      return { file, signer: made };
    },
    plugin: (id, version, files) => writePlainPlugin(temporary(id), { id, version }, files),
    publish: (from, publisher, keyFile, ...more) =>
      cli.json<Published & Record<string, unknown>>([
        ...["registry", "publish", from, "--registry", registry.url, "--publisher", publisher, "--key", keyFile],
        ...more,
      ]),
    client: () =>
      createRegistryClient({
        source: httpSource({ url: registry.url, clock: systemClock, fetch }),
        state: createTrustState(temporary("trust")),
        root,
        now: () => systemClock.now(),
      }),
    get: (path, headers = {}) => fetch(`${registry.url}${path}`, { headers, redirect: "manual" }),
    async start() {
      const command = [...cli.command, "registry", "serve", folder, "--port", port, "--key-folder", keyFolder, "--json"];
      running = await startServer(command, { ...cli.env, ...env });
      port = new URL(running.url).port;
    },
    async stop(signal = "SIGTERM") {
      running!.process.kill(signal);
      return running!.process.exited;
    },
    async [Symbol.asyncDispose]() {
      running?.process.kill("SIGKILL");
      await running?.process.exited;
      await cli[Symbol.asyncDispose]();
      rmSync(home, { recursive: true, force: true });
    },
  };
  await registry.start();
  return registry;
}

export interface RunningServer {
  readonly process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly url: string;
}

/** `pincer registry serve --json`, once it says where it is. */
export async function startServer(command: readonly string[], env: Readonly<Record<string, string>>): Promise<RunningServer> {
  const started = Bun.spawn([...command], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const told = await firstLine(started.stdout);
  if (told === undefined) throw new Error(`pincer registry serve ended: ${await new Response(started.stderr).text()}`);
  return { process: started, url: (JSON.parse(told) as { readonly url: string }).url };
}

/** Undefined when the process ends before it has said one. */
async function firstLine(output: ReadableStream<Uint8Array>): Promise<string | undefined> {
  let text = "";
  const reader = output.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    text += Buffer.from(next.value).toString("utf8");
    if (text.includes("\n")) {
      reader.releaseLock();
      return text.slice(0, text.indexOf("\n"));
    }
  }
  return undefined;
}

export const readJson = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"));
