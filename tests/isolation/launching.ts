/** Bundles what is confined and what confines it, so that any user can read them, and runs them as whom a test asks for. */
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An ordinary user, who owns nothing. */
const NOBODY = 65_534;
export type User = "root" | "an ordinary user";
export const users: readonly User[] = process.getuid?.() === 0 ? ["root", "an ordinary user"] : ["an ordinary user"];

interface Launching extends Disposable {
  /** The bundle of a file of this folder. */
  readonly bundles: Readonly<Record<string, string>>;
  /** Bun and one of the bundles, with an argument, run as somebody. The environment holds the secret, as a gateway's does. */
  command(user: User, bundle: string, argument: unknown): { readonly command: string[]; readonly env: Record<string, string> };
}

export async function startLaunching(secret: string, ...files: readonly string[]): Promise<Launching> {
  const folder = mkdtempSync(join(tmpdir(), "isolation-bundles-"));
  chmodSync(folder, 0o755);
  const bundles: Record<string, string> = {};
  for (const file of files) {
    const built = await Bun.build({ entrypoints: [join(import.meta.dir, `${file}.ts`)], target: "bun", outdir: folder });
    bundles[file] = built.outputs[0]!.path;
    chmodSync(bundles[file], 0o644);
  }
  const as = (user: User) =>
    process.getuid?.() === 0 && user !== "root" ? ["setpriv", "--reuid", `${NOBODY}`, "--regid", `${NOBODY}`, "--clear-groups", "--"] : [];
  // Where this Bun lies in a folder that others cannot enter, they get a copy.
  let bun = process.execPath;
  const others = as("an ordinary user");
  if (others.length > 0 && Bun.spawnSync([...others, bun, "--version"]).exitCode !== 0) {
    copyFileSync(bun, join(folder, "bun"));
    bun = join(folder, "bun");
  }
  return {
    bundles,
    command: (user, bundle, argument) => ({
      command: [...as(user), bun, bundles[bundle]!, JSON.stringify(argument)],
      env: { GATEWAY_TOKEN: secret, PATH: process.env["PATH"] ?? "" },
    }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
