import { writeFileSync } from "node:fs";
import { join } from "node:path";

const writer = join(import.meta.dir, "..", "..", "store", "writer.ts");

/** A writer thread like every other, which dies of whatever holds the word "poison". The folder is the test's own. */
export function dyingWriter(folder: string): URL {
  const path = join(folder, "dying-writer.ts");
  writeFileSync(
    path,
    `import ${JSON.stringify(writer)};
     const work = self.onmessage;
     self.onmessage = (event) => { if (JSON.stringify(event.data).includes("poison")) throw new Error("out of luck"); work(event); };`,
  );
  return new URL(`file://${path}`);
}
