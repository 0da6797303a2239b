/** `pincer registry mirror`: a registry, or some packages of it, in a folder that any server of static files may serve, with what its plugins need of npm. */

import { existsSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import type { CommandDefinition, CommandIo } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { type Mirrored, mirrorRegistry } from "@pincer/registry/mirror";
import type { RegistrySource } from "@pincer/registry/source";
import { firstArchives, mirroredArchives, npmArchives } from "../dependencies/archives.ts";
import { type MirroredDependencies, type MirrorProgress, mirrorDependenciesOf } from "../dependencies/mirror.ts";
import { clientErrors } from "../errors.ts";
import { npmRegistry } from "../sources/npm-registry.ts";
import { npmSettings } from "../sources/npm-settings.ts";
import { type Options, readOptions } from "./options.ts";
import { type GivenRoot, isAddress, packageIn, rootFor, sourceAt } from "./registry-place.ts";
import { counted } from "./shown.ts";

export const mirrorFlags = {
  root: "Its root.json, got from whom you trust; without it the one that it shows itself",
  package: "Only this one, and others that are named",
  "no-dependencies": "Leave out what its plugins need of npm",
};
export const mirrorUsage = "[--root <file>] [--package <name>...] [--no-dependencies]";

export const mirror: CommandDefinition = {
  command: {
    name: "registry mirror",
    summary: "Copy a registry, or some packages of it, into a folder, with what its plugins need of npm",
    usage: `<folder-or-url-or-file> <folder> ${mirrorUsage}`,
    flags: mirrorFlags,
  },
  async run(args, io) {
    const options = readOptions(args, ["--root", "--package"]);
    const [place = "", into = ""] = options.words;
    const folder = resolve(into);
    if (isSame(place, folder))
      throw clientErrors.REGISTRY_CLIENT_USAGE(
        `${folder} is the registry itself: expected another folder for the copy, such as ${folder}-mirror`,
      );
    return said(await copied(place, folder, options, io), { folder }, io);
  },
};

const isSame = (place: string, folder: string): boolean =>
  !isAddress(place) && existsSync(place) && existsSync(folder) && realpathSync(place) === realpathSync(folder);

export interface Copied extends Mirrored {
  readonly root: GivenRoot;
  readonly dependencies: number;
}

export async function copied(place: string, folder: string, options: Options, io: CommandIo): Promise<Copied> {
  const source = await sourceAt(place, io);
  const root = await rootFor(source, options.value("--root"), io.signal);
  const packages = options.values("--package").map(packageIn);
  const mirrored = await mirrorRegistry({
    ...{ source, folder, root: root.bytes, now: () => systemClock.now(), signal: io.signal },
    ...(packages.length > 0 && { packages }),
    onFile: ({ path, length }) => io.json || io.print(`  ${path}  ${Math.ceil(length / 1024)} kB`),
  });
  const dependencies = options.has("--no-dependencies") ? undefined : await withDependencies(source, folder, io);
  const problems = [...mirrored.problems, ...(dependencies?.problems ?? [])];
  return { ...mirrored, root, dependencies: dependencies?.packages ?? 0, problems };
}

/** Where the copy is now; a file is known by its SHA-256, in hex. */
type Target = { readonly folder: string } | { readonly file: string; readonly sha256: string; readonly until: string };

/** Answers the command's exit code. */
export function said({ root, ...copy }: Copied, target: Target, io: CommandIo): number {
  const { releases, fetched, fetchedBytes, dependencies, problems } = copy;
  const isWhole = problems.length === 0;
  const { sha256, isTrusted } = root;
  const lines = [
    `${dot(isWhole ? "good" : "bad")} ${counted(releases, "release")} in ${"file" in target ? target.file : target.folder}, ${counted(fetched, "file")} fetched (${Math.ceil(fetchedBytes / 1024)} kB)`,
    ...(dependencies > 0
      ? [`  with      ${dependencies} ${dependencies === 1 ? "package" : "packages"} of npm that its plugins need`]
      : []),
    ...("file" in target
      ? [`  file      SHA-256 ${target.sha256}`, `  counts    until ${target.until}, as the registry's timestamp says`]
      : []),
    ...problems.map(({ path, code, message }) => `  left out  ${path}\n    ${message} (${code})`),
    `  root      SHA-256 ${sha256}${isTrusted ? "" : ", as the registry itself shows it: compare it, or give yours with --root <file>"}`,
  ];
  io.result({ ok: isWhole, ...target, root: { sha256, isTrusted }, ...copy }, lines.join("\n"));
  return isWhole ? 0 : 1;
}

/** Of the registry itself, where it has them, and of npm as it is set on this machine. */
function withDependencies(source: RegistrySource, folder: string, io: CommandIo): Promise<MirroredDependencies> {
  const onWait = (why: string, ms: number) => io.json || io.print(`  waits ${Math.ceil(ms / 1000)} s: ${why}`);
  const npm = npmRegistry(npmSettings(), { fetch, clock: systemClock, onWait });
  const onProgress = ({ name, version, isNew }: MirrorProgress) => isNew && !io.json && io.print(`  ${name} ${version}`);
  return mirrorDependenciesOf(folder, io.signal, onProgress, firstArchives([mirroredArchives(source), npmArchives(npm)]));
}
