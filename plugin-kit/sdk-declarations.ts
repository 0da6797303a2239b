/** The SDK as JavaScript with type declarations, which is how it is published, and how its public API is compared. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SdkPackage {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  /** The subpaths that plugins of others may rely on; `*` is any file there. */
  readonly publicExports: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
}

/** A subpath that may be imported, and its file without `.ts`, both relative. */
interface Subpath {
  readonly subpath: string;
  readonly file: string;
}

/** Each public subpath of the SDK in that folder, in order. */
export function publicSubpaths(sdk: string, { exports, publicExports }: SdkPackage): readonly Subpath[] {
  return publicExports.flatMap((subpath) => {
    const wild = /^\.\/(.+)\/\*$/.exec(subpath)?.[1];
    if (wild === undefined) {
      const target = exports[subpath] ?? exports[`./${subpath.split("/")[1]}/*`]?.replace("*", subpath.split("/").slice(2).join("/"));
      if (target === undefined) throw new Error(`publicExports names ${subpath}, which is no export`);
      return [{ subpath, file: target.slice(2).replace(/\.ts$/, "") }];
    }
    const names = readdirSync(join(sdk, wild)).filter((name) => /^[a-z0-9-]+\.ts$/.test(name));
    return names.sort().map((name) => ({ subpath: `./${wild}/${name.slice(0, -3)}`, file: `${wild}/${name.slice(0, -3)}` }));
  });
}

/** Compiles the SDK of that repository, and answers with the folder that mirrors `plugin-sdk/`; it goes when it is disposed. */
export async function compileSdk(repository: string): Promise<Disposable & { readonly path: string }> {
  const out = mkdtempSync(join(tmpdir(), "pincer-sdk-"));
  const project = join(out, "tsconfig.json");
  const options = {
    noEmit: false,
    declaration: true,
    rewriteRelativeImportExtensions: true,
    rootDir: repository,
    outDir: out,
    typeRoots: [join(repository, "node_modules")],
  };
  const sdk = join(repository, "plugin-sdk");
  const files = { include: [sdk], exclude: [`${sdk}/**/*.test.ts`, `${sdk}/testing/plugins`] };
  writeFileSync(project, JSON.stringify({ extends: join(repository, "tsconfig.json"), compilerOptions: options, ...files }));
  const tsc = join(repository, "node_modules", "typescript", "bin", "tsc");
  const compiling = Bun.spawn([process.execPath, tsc, "-p", project, "--pretty", "false"], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const [said, code] = await Promise.all([new Response(compiling.stdout).text(), compiling.exited]);
  if (code !== 0) {
    rmSync(out, { recursive: true });
    throw new Error(`the SDK does not compile:\n${said}`);
  }
  return { path: join(out, "plugin-sdk"), [Symbol.dispose]: () => rmSync(out, { recursive: true, force: true }) };
}
