/** `pincer registry verify`: every file of a registry, looked at without trusting any. */

import type { CommandDefinition } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { type Problem, verifyRegistry } from "@pincer/registry/verify";
import { readOptions } from "./options.ts";
import { packageIn, rootFor, sourceAt } from "./registry-place.ts";
import { counted } from "./shown.ts";

/** Where a copy of some packages ends. */
const isOfOthers = ({ path, code }: Problem): boolean => code === "REGISTRY_NOT_FOUND" && /\/\d+\.names-/.test(path);

export const verify: CommandDefinition = {
  command: {
    name: "registry verify",
    summary: "Check every file of a registry, from its root down",
    usage: "<folder-or-url-or-file> [--root <file>] [--package <name>...]",
    flags: {
      root: "Its root.json, got from whom you trust; without it the one that it shows itself",
      package: "Only this one, and others that are named: of a copy of these",
    },
  },
  async run(args, io) {
    const options = readOptions(args, ["--root", "--package"]);
    const place = options.words[0] ?? "";
    const source = await sourceAt(place, io);
    const root = await rootFor(source, options.value("--root"), io.signal);
    const packages = options.values("--package").map(packageIn);
    const found = await verifyRegistry({
      ...{ source, root: root.bytes, now: () => systemClock.now(), signal: io.signal },
      ...(packages.length > 0 && { packages }),
    });
    const isRight = found.problems.length === 0;
    const { sha256, isTrusted } = root;
    const lines = [
      isRight
        ? `${dot("good")} ${place} is in order: ${counted(found.releases, "release")}, ${Math.ceil(found.bytes / 1024)} kB`
        : `${dot("bad")} ${place}: ${found.problems.length} of its files are not in order`,
      ...found.problems.map(({ path, code, message }) => `  ${path}\n    ${message} (${code})`),
      ...(packages.length === 0 && found.problems.some(isOfOthers)
        ? ["  next     where it is a copy of some packages, name these: --package <name>"]
        : []),
      ...(found.expires === undefined ? [] : [`  counts   until ${found.expires}`]),
      `  root     SHA-256 ${sha256}${isTrusted ? "" : ", as the registry itself shows it: compare it, or give yours with --root <file>"}`,
    ];
    io.result({ ok: isRight, root: { sha256, isTrusted }, ...found }, lines.join("\n"));
    return isRight ? 0 : 1;
  },
};
