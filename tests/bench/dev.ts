/** `pincer up --dev`: how long it takes from a saved file to an answer of the code that was saved. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { linkPlugin } from "../../plugin-kit/link.ts";
import { type Figure, median, quantile } from "./figures.ts";
import { trusted } from "./installation.ts";
import type { Part } from "./part.ts";
import { connectTurns } from "./turn-client.ts";

const saves = 60;
const id = "bench-echo";
const withBuild = (code: string, number: number) => code.replace("build-0", `build-${number}`);

export const dev: Part = async ({ installation: installed }) => {
  const installation = await installed();
  const home = installation.home({ config: { plugins: { [id]: trusted } } });
  const folder = join(dirname(home.path), "written", id);
  cpSync(join(import.meta.dir, "plugins", id), folder, { recursive: true });
  mkdirSync(join(home.path, "plugins"), { recursive: true });
  linkPlugin(folder, home.path);
  const file = join(folder, "plugin.ts");
  const code = readFileSync(file, "utf8");

  const imports: number[] = [];
  for (let number = 1; number <= 20; number++) {
    const copy = join(folder, "..", `import-${number}.ts`);
    writeFileSync(copy, withBuild(code, number));
    const began = performance.now();
    await import(copy);
    imports.push(performance.now() - began);
  }

  await using gateway = await installation.start(home, { dev: true });
  const client = await connectTurns(gateway);
  const answering = async () => (await client.call<{ build: string }>(`${id}.version`, {})).build;
  await answering();
  const seen: number[] = [];
  for (let number = 1; number <= saves; number++) {
    const began = performance.now();
    writeFileSync(file, withBuild(code, number));
    while ((await answering()) !== `build-${number}`) {
      if (performance.now() - began > 10_000) throw new Error(`save ${number} was not served after ten seconds`);
    }
    seen.push(performance.now() - began);
  }
  client.close();
  const own = median(imports);
  const figure = (what: string, value: number, more: Partial<Figure> = {}): Figure => ({
    ...{ part: `pincer up --dev, ${saves} saves of a plugin's file`, what, value, unit: "ms", ...more },
  });
  return [
    figure("saved to serving, beyond its own import, p50", median(seen) - own, { target: { atMost: 100 } }),
    figure("saved to serving, beyond its own import, p99", quantile(seen, 0.99) - own),
    figure("its own import", own),
  ];
};
