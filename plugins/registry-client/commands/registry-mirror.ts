/** `pincer registry mirror`: a registry, or some packages of it, in a folder that any server of static files may serve, with what its plugins need of npm. */

import { resolve } from "node:path";
import type { CommandDefinition, CommandIo } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { mirrorRegistry } from "@pincer/registry/mirror";
import type { RegistrySource } from "@pincer/registry/source";
import { firstArchives, mirroredArchives, npmArchives } from "../dependencies/archives.ts";
import { type MirroredDependencies, type MirrorProgress, mirrorDependenciesOf } from "../dependencies/mirror.ts";
import { npmRegistry } from "../sources/npm-registry.ts";
import { npmSettings } from "../sources/npm-settings.ts";
import { readOptions } from "./options.ts";
import { packageIn, rootFor, sourceAt } from "./registry-place.ts";
import { counted } from "./shown.ts";

export const mirror: CommandDefinition = {
  command: {
    name: "registry mirror",
    summary: "Copy a registry, or some packages of it, into a folder, with what its plugins need of npm",
    usage: "<folder-or-url> <folder> [--root <file>] [--package <name>...] [--no-dependencies]",
    flags: {
      root: "Its root.json, got from whom you trust; without it the one that it shows itself",
      package: "Only this one, and others that are named",
      "no-dependencies": "Leave out what its plugins need of npm",
    },
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
    const dependencies = options.has("--no-dependencies") ? undefined : await withDependencies(source, folder, io);
    const problems = [...mirrored.problems, ...(dependencies?.problems ?? [])];
    const isWhole = problems.length === 0;
    const { sha256, isTrusted } = root;
    const lines = [
      `${dot(isWhole ? "good" : "bad")} ${counted(mirrored.releases, "release")} in ${folder}, ${counted(mirrored.fetched, "file")} fetched (${Math.ceil(mirrored.fetchedBytes / 1024)} kB)`,
      ...(dependencies?.packages
        ? [`  with      ${dependencies.packages} ${dependencies.packages === 1 ? "package" : "packages"} of npm that its plugins need`]
        : []),
      ...problems.map(({ path, code, message }) => `  left out  ${path}\n    ${message} (${code})`),
      `  root      SHA-256 ${sha256}${isTrusted ? "" : ", as the registry itself shows it: compare it, or give yours with --root <file>"}`,
    ];
    const counts = { ...mirrored, dependencies: dependencies?.packages ?? 0, problems };
    io.result({ ok: isWhole, folder, root: { sha256, isTrusted }, ...counts }, lines.join("\n"));
    return isWhole ? 0 : 1;
  },
};

/** Of the registry itself, where it has them, and of npm as it is set on this machine. */
function withDependencies(source: RegistrySource, folder: string, io: CommandIo): Promise<MirroredDependencies> {
  const onWait = (why: string, ms: number) => io.json || io.print(`  waits ${Math.ceil(ms / 1000)} s: ${why}`);
  const npm = npmRegistry(npmSettings(), { fetch, clock: systemClock, onWait });
  const onProgress = ({ name, version, isNew }: MirrorProgress) => isNew && !io.json && io.print(`  ${name} ${version}`);
  return mirrorDependenciesOf(folder, io.signal, onProgress, firstArchives([mirroredArchives(source), npmArchives(npm)]));
}
