/** The machine of the page about a registry's years. `bun tests/docs/registry-years.ts` writes the page anew, as it is today. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { main } from "../support/cli.ts";
import { lasting, typed } from "../support/typist.ts";

const repository = dirname(dirname(import.meta.dir));
export const yearsFile = join(repository, "docs", "registry", "operating.md");

/** The page with what comes today of what it says to type. */
export async function typedAgain(page: string): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), "pincer-years-"));
  try {
    const [bin, folder] = [join(home, "bin"), join(home, "ada")];
    for (const made of [bin, folder]) mkdirSync(made);
    writeFileSync(join(bin, "pincer"), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`, { mode: 0o755 });
    for (const version of ["1.0.0", "1.1.0"]) {
      const plugin = join(folder, `weather-${version}`);
      mkdirSync(plugin);
      const manifest = { id: "weather", version, sdk: "^0.1.0", summary: "Tells the weather.", entry: "plugin.ts", permissions: {} };
      writeFileSync(join(plugin, "plugin.json"), JSON.stringify(manifest));
      writeFileSync(join(plugin, "plugin.ts"), "export default {};\n");
    }
    const env = { PATH: `${bin}:${process.env["PATH"]}`, HOME: home, PINCER_HOME: join(home, "home"), NO_COLOR: "1" };
    return await typed(page, { folder, env, standsFor: new Map(), hidden: "" });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Without keys and times, which are others each time. */
export const lastingYears = (page: string): string =>
  lasting(page)
    .replace(/\b[0-9a-f]{16}\b/g, "<key>")
    .replace(/T\d\d:\d\d:\d\dZ/g, "<time>")
    .replace(/(?<=\()\d+ kB(?=\))|\b\d+ kB\b/g, "<size>");

if (import.meta.main) writeFileSync(yearsFile, await typedAgain(readFileSync(yearsFile, "utf8")));
