/** A workspace in a folder of its own. */
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface TestWorkspace extends AsyncDisposable {
  readonly path: string;
  /** A folder beside it, which is nobody's business. */
  readonly outside: string;
  file(path: string): string;
  put(files: Readonly<Record<string, string | Uint8Array>>): Promise<void>;
}

export async function createWorkspace(): Promise<TestWorkspace> {
  const home = await realpath(await mkdtemp(join(tmpdir(), "pincer-workspace-")));
  const path = join(home, "workspace");
  const outside = join(home, "outside");
  await mkdir(path);
  await mkdir(outside);
  await writeFile(join(outside, "secret.txt"), "the secret\n");
  return {
    path,
    outside,
    file: (name) => join(path, name),
    async put(files) {
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(path, name)), { recursive: true });
        await writeFile(join(path, name), content);
      }
    },
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}
