/** `pincer registry publish`: packs a plugin or a skill, signs it here, and sends it to a registry's server, or puts it into a registry's folder. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { filesOf, pack } from "@pincer/plugin-kit/archive";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import { readManifest } from "@pincer/registry/manifest";
import { archiveOf, checkedName, isVersion, type Kind, type Release } from "@pincer/registry/name";
import type { ReleaseNotes } from "@pincer/registry/notes";
import { nextList } from "@pincer/registry/publisher/next-list";
import type { Sent } from "@pincer/registry/publisher/place";
import { publishNext } from "@pincer/registry/publisher/publish-next";
import { sha256Of } from "@pincer/registry/sha256";
import { clientErrors } from "../errors.ts";
import { readOptions } from "./options.ts";
import { now, persistence, publisherFlags, publisherSide, publisherUsage } from "./place-at.ts";
import { withFlags } from "./registry-flags.ts";
import { isAddress, timeNow } from "./registry-place.ts";

export const publishValued = [...publisherFlags, "--version", "--tag"];

export const publish: CommandDefinition = {
  command: withFlags(
    {
      name: "registry publish",
      summary: "Pack, sign and publish a plugin or a skill",
      usage: `<folder> [--version <number>] [--tag <name>...] ${publisherUsage}`,
    },
    { version: "Where the package says none", tag: "A word by which this release is found, too" },
  ),
  async run(args, io) {
    const options = readOptions(args, publishValued);
    const side = publisherSide(options, io);
    const { publisher } = side;
    const { release, archive, notes, files } = packed(resolve(options.words[0] ?? ""), options.value("--version"), options.values("--tag"));
    const sha256 = sha256Of(archive);
    const path = archiveOf(release);
    // A folder has no server that would look.
    const found = isAddress(side.place.name) ? [] : (await import("@pincer/registry/scan/scan")).scanPackage(release.kind, files);
    const sent = await publishNext(
      {
        ...side,
        archives: new Map([[path, archive]]),
        findings: new Map([[path, found]]),
        next: (before) =>
          before?.targets[path]?.hashes.sha256 === sha256 ? undefined : nextList(before, { ...release, archive, notes }, now),
      },
      persistence(io),
    );
    const answer = {
      ok: true,
      ...release,
      publisher,
      registry: side.place.name,
      sha256,
      size: archive.length,
      isNew: sent !== undefined,
      findings: sent?.released[0]?.findings ?? (sent ? found : []),
    };
    io.result(answer, report(answer, sent));
    return 0;
  },
};

interface Packed {
  readonly release: Release;
  readonly archive: Uint8Array<ArrayBuffer>;
  readonly notes: ReleaseNotes;
  readonly files: readonly ArchiveEntry[];
}

/** The same files give the same bytes, so that publishing again what has arrived is nothing new. */
function packed(folder: string, version: string | undefined, tags: readonly string[]): Packed {
  const kind: Kind = existsSync(join(folder, "plugin.json")) ? "plugins" : "skills";
  if (kind === "skills" && !existsSync(join(folder, "SKILL.md")))
    throw clientErrors.REGISTRY_CLIENT_USAGE(`${folder} is neither a plugin nor a skill: expected a plugin.json or a SKILL.md in it`);
  const files = filesOf(folder);
  const manifest = readManifest(kind, files);
  const chosen = version ?? manifest.version;
  if (chosen === undefined) throw clientErrors.REGISTRY_CLIENT_USAGE(`${manifest.file} says no version: say it with --version`);
  if (!isVersion(chosen)) throw clientErrors.REGISTRY_CLIENT_USAGE(`expected a version as 1.2.0, came ${JSON.stringify(chosen)}`);
  const summary = (manifest.summary ?? manifest.id).replace(/\s+/g, " ").trim();
  return {
    release: { kind, id: checkedName(manifest.id), version: chosen },
    ...{ archive: pack(files), files },
    notes: {
      summary: summary.length <= 200 ? summary : `${summary.slice(0, 199)}…`,
      publishedAt: timeNow(),
      manifest: manifest.sha256,
      ...(manifest.sdk !== undefined && { sdk: manifest.sdk }),
      ...(tags.length > 0 && { tags: [...new Set(tags)] }),
    },
  };
}

function report(
  answer: Release & {
    readonly publisher: string;
    readonly registry: string;
    readonly sha256: string;
    readonly size: number;
    readonly findings: Sent["released"][number]["findings"];
  },
  sent: Sent | undefined,
): string {
  return [
    sent
      ? `${dot("good")} published ${answer.id} ${answer.version} as ${answer.publisher}`
      : `${dot("good")} ${answer.id} ${answer.version} is there already, with these very bytes`,
    `  where    ${answer.registry}`,
    `  size     ${Math.ceil(answer.size / 1024)} kB`,
    `  sha-256  ${answer.sha256}`,
    ...(sent?.claimed.map(({ id }) => `  name     ${id} is ${answer.publisher}'s from now on`) ?? []),
    ...answer.findings.map(
      ({ severity, file, line, sentence, rule }) =>
        `  ${plainly(`${severity.padEnd(7)}  ${line > 0 ? `${file}:${line}` : file}: ${sentence} (${rule})`)}`,
    ),
  ].join("\n");
}
