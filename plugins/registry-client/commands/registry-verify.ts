/** `pincer registry verify`: every file of a registry, looked at without trusting any. */

import type { CommandDefinition } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { verifyRegistry } from "@pincer/registry/verify";
import { readOptions } from "./options.ts";
import { rootFor, sourceAt } from "./registry-place.ts";
import { counted } from "./shown.ts";

export const verify: CommandDefinition = {
  command: {
    name: "registry verify",
    summary: "Check every file of a registry, from its root down",
    usage: "<folder-or-url> [--root <file>]",
    flags: { root: "Its root.json, got from whom you trust; without it the one that it shows itself" },
  },
  async run(args, io) {
    const options = readOptions(args, ["--root"]);
    const place = options.words[0] ?? "";
    const source = await sourceAt(place, io);
    const root = await rootFor(source, options.value("--root"), io.signal);
    const found = await verifyRegistry({ source, root: root.bytes, now: () => systemClock.now(), signal: io.signal });
    const isRight = found.problems.length === 0;
    const { sha256, isTrusted } = root;
    const lines = [
      isRight
        ? `${dot("good")} ${place} is in order: ${counted(found.releases, "release")}, ${Math.ceil(found.bytes / 1024)} kB`
        : `${dot("bad")} ${place}: ${found.problems.length} of its files are not in order`,
      ...found.problems.map(({ path, code, message }) => `  ${path}\n    ${message} (${code})`),
      ...(found.expires === undefined ? [] : [`  counts   until ${found.expires}`]),
      `  root     SHA-256 ${sha256}${isTrusted ? "" : ", as the registry itself shows it: compare it, or give yours with --root <file>"}`,
    ];
    io.result({ ok: isRight, root: { sha256, isTrusted }, ...found }, lines.join("\n"));
    return isRight ? 0 : 1;
  },
};
