/** Pincer as it is published: packed, unpacked somewhere, and run by its own launcher in homes of its users. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { packedOnce } from "./packed-once.ts";

const repository = dirname(dirname(import.meta.dir));

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface User extends AsyncDisposable {
  /** HOME. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** By the launcher of the package at `root`. */
  pincer(root: string, words: readonly string[], more?: Readonly<Record<string, string>>): Promise<Outcome>;
}

export interface Published extends Disposable {
  readonly folder: string;
  readonly archive: string;
  /** Where it was unpacked. */
  readonly root: string;
  /** Unpacks it once more. */
  unpack(name: string): string;
  /** Has nothing but the pinned Bun and the small tools of a bare system, and a HOME of its own; what runs in it ends with it. */
  user(name: string): User;
}

/** What a machine has that has no more than it must. */
const tools = ["sh", "uname", "grep", "mkdir", "rm", "mv", "cp", "cat", "chmod", "find", "readlink", "sleep", "dirname", "env"];

export async function publishPincer(): Promise<Published> {
  const folder = mkdtempSync(join(tmpdir(), "pincer-published-"));
  const archive = await packedOnce(repository, folder, packPincer);
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const tool of tools) symlinkSync(Bun.which(tool)!, join(bin, tool));
  symlinkSync(process.execPath, join(bin, "bun"));
  const unpack = (name: string): string => {
    const to = join(folder, name);
    mkdirSync(to);
    const { exitCode, stderr } = Bun.spawnSync(["tar", "-xzf", archive, "-C", to]);
    if (exitCode !== 0) throw new Error(`tar ended with ${exitCode}: ${stderr}`);
    return join(to, "pincer");
  };
  return {
    folder,
    archive,
    root: unpack("unpacked"),
    unpack,
    user(name) {
      const own = join(folder, "users", name);
      mkdirSync(own, { recursive: true });
      const used = new Set<string>();
      // Nobody listens at that port: whoever asks a registry that no test named is refused.
      const env = { PATH: bin, HOME: own, PINCER_PORT: "0", NO_COLOR: "1", BUN_CONFIG_REGISTRY: "http://127.0.0.1:9/" };
      return {
        folder: own,
        env,
        pincer: (root, words, more = {}) => {
          used.add(root);
          return run([join(root, "pincer"), ...words], own, { ...env, ...more });
        },
        async [Symbol.asyncDispose]() {
          for (const root of used) if (existsSync(root)) await run([join(root, "pincer"), "stop", "--force"], own, env);
        },
      };
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Answers with the path of the archive. */
export async function packPincer(folder: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const command = [process.execPath, join(repository, "pack.ts"), "pincer", folder];
  const { code, out, err } = await run(command, folder, { ...process.env, BUN_BE_BUN: "1", ...more });
  if (code !== 0) throw new Error(`pack.ts ended with ${code}: ${err}`);
  return out.trim();
}

export async function run(command: readonly string[], cwd: string, env: Readonly<Record<string, string | undefined>>): Promise<Outcome> {
  const started = Bun.spawn([...command], { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([new Response(started.stdout).text(), new Response(started.stderr).text(), started.exited]);
  return { code, out, err };
}

/** What it printed, of a command that ends with 0 and complains of nothing. */
export function printedBy({ code, out, err }: Outcome): string {
  if (code !== 0 || err !== "") throw new Error(`it ended with ${code}: ${err}`);
  return out;
}

/** Every file with what is in it, so that a folder can be seen to be as it was. */
export function contentsOf(folder: string): ReadonlyMap<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => statSync(join(folder, path)).isFile());
  const hash = (path: string) => new Bun.CryptoHasher("sha256").update(readFileSync(join(folder, path))).digest("hex");
  return new Map(files.sort().map((path) => [path, hash(path)]));
}
