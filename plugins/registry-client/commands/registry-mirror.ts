/** `pincer registry mirror`: a registry, or some packages of it, in a folder that any server of static files may serve. */
import { resolve } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { mirrorRegistry } from "@pincer/registry/mirror";
import type { CommandDefinition } from "./command.ts";
import { readOptions } from "./options.ts";
import { packageIn, rootFor, sourceAt } from "./registry-place.ts";

export const mirror: CommandDefinition = {
  command: {
    name: "registry mirror",
    summary: "Copy a registry, or some packages of it, into a folder",
    usage: "<folder-or-url> <folder> [--root] [file] [--package] [name...]",
  },
  async run(args, io) {
    const options = readOptions(args, ["--root", "--package"]);
    const [place = "", into = ""] = options.words;
    const source = sourceAt(place, io);
    const folder = resolve(into);
    const root = await rootFor(source, options.value("--root"), io.signal);
    const packages = options.values("--package").map(packageIn);
    const mirrored = await mirrorRegistry({
      ...{ source, folder, root: root.bytes, now: () => systemClock.now(), signal: io.signal },
      ...(packages.length > 0 && { packages }),
      onFile: ({ path, length }) => io.json || io.print(`  ${path}  ${Math.ceil(length / 1024)} kB`),
    });
    const isWhole = mirrored.problems.length === 0;
    const { sha256, isTrusted } = root;
    if (io.json) io.print(JSON.stringify({ ok: isWhole, folder, root: { sha256, isTrusted }, ...mirrored }));
    else
      for (const line of [
        `${isWhole ? "●" : "✗"} ${mirrored.releases} releases in ${folder}, ${mirrored.fetched} files fetched (${Math.ceil(mirrored.fetchedBytes / 1024)} kB)`,
        ...mirrored.problems.map(({ path, code, message }) => `  left out  ${path}\n    ${message} (${code})`),
        `  root      SHA-256 ${sha256}${isTrusted ? "" : ", as the registry itself shows it: compare it, or give yours with --root <file>"}`,
      ])
        io.print(line);
    return isWhole ? 0 : 1;
  },
};
