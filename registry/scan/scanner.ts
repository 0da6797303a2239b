/** A process that scans the files of one package, which come on its input, and says on its output what it found: whoever started it can end it. */
import { deserialize } from "bun:jsc";
import type { ArchiveEntry } from "../archive/read.ts";
import type { Kind } from "../name.ts";
import { scanPackage } from "./scan.ts";

// Bytecode is of code that waits for nothing at its top.
void (async () => {
  const files = deserialize(await Bun.stdin.arrayBuffer()) as readonly ArchiveEntry[];
  await Bun.write(Bun.stdout, JSON.stringify(scanPackage(Bun.argv[2] as Kind, files)));
})();
