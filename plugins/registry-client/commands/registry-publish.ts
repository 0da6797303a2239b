/** `pincer registry publish`: packs a plugin or a skill, signs it here, and sends it to a registry's server, or puts it into a registry's folder. */

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { filesOf, pack } from "@pincer/plugin-kit/archive";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import { readManifest } from "@pincer/registry/manifest";
import { archiveOf, checkedName, type Kind, type Release } from "@pincer/registry/name";
import type { ReleaseNotes } from "@pincer/registry/notes";
import { nextList } from "@pincer/registry/publisher/next-list";
import { hasArrived, type Sent } from "@pincer/registry/publisher/send";
import { scanPackage } from "@pincer/registry/scan/scan";
import { sha256Of } from "@pincer/registry/sha256";
import { openSigner, type Signer } from "@pincer/registry/trust/key";
import { clientErrors } from "../errors.ts";
import { readOptions } from "./options.ts";
import { bring } from "./publish-into.ts";
import { isAddress, timeNow } from "./registry-place.ts";

export const publishValued = ["--to", "--publisher", "--key", "--token-file", "--version", "--tag", "--key-folder"];

export const publish: CommandDefinition = {
  command: {
    name: "registry publish",
    summary: "Pack, sign and publish a plugin or a skill",
    usage:
      "<folder> [--to <folder-or-url>] [--publisher <name>] [--key <file>...] [--token-file <file>] [--version <number>] [--tag <name>...] [--key-folder <folder>]",
    flags: {
      to: "The registry: its folder, or its address",
      publisher: "In whose name",
      key: "The key of the publisher that signs; all of them where several must",
      "token-file": "A file with the token that lets this machine send",
      version: "Where the package says none",
      tag: "A word by which this release is found, too",
      "key-folder": "The folder with the keys of the registry, where it is not inside it",
    },
  },
  async run(args, io) {
    const options = readOptions(args, publishValued);
    const needed = (flag: string): string => {
      const value = options.value(flag);
      if (value !== undefined) return value;
      throw clientErrors.REGISTRY_CLIENT_USAGE(`${flag} is missing`);
    };
    const url = needed("--to");
    const publisher = checkedName(needed("--publisher"));
    const tokenFile = options.value("--token-file");
    needed("--key");
    const signers = options.values("--key").map((file) => openSigner(readFileSync(resolve(file), "utf8"))) as [Signer, ...Signer[]];
    const { release, archive, notes, files } = packed(resolve(options.words[0] ?? ""), options.value("--version"), options.values("--tag"));
    const sha256 = sha256Of(archive);
    // A folder has no server that would look.
    const found = isAddress(url) ? [] : scanPackage(release.kind, files);
    const sent = await bring(
      {
        ...{ to: url, keyFolder: options.value("--key-folder"), publisher, signers, names: [release] },
        token: tokenFile === undefined ? undefined : readFileSync(resolve(tokenFile), "utf8").trim(),
        archives: new Map([[archiveOf(release), archive]]),
        findings: new Map([[archiveOf(release), found]]),
        next: (before) =>
          hasArrived(before, release, sha256) ? undefined : nextList(before, { ...release, archive, notes }, () => systemClock.now()),
      },
      io,
    );
    const answer = {
      ok: true,
      ...release,
      publisher,
      url,
      sha256,
      size: archive.length,
      isNew: sent !== undefined,
      findings: sent?.released[0]?.findings ?? (sent ? found : []),
    };
    io.print(io.json ? JSON.stringify(answer) : report(answer, sent));
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
    readonly url: string;
    readonly sha256: string;
    readonly size: number;
    readonly findings: Sent["released"][number]["findings"];
  },
  sent: Pick<Sent, "released" | "claimed"> | undefined,
): string {
  return [
    sent
      ? `${dot("good")} published ${answer.id} ${answer.version} as ${answer.publisher}`
      : `${dot("good")} ${answer.id} ${answer.version} is there already, with these very bytes`,
    `  where    ${answer.url}`,
    `  size     ${Math.ceil(answer.size / 1024)} kB`,
    `  sha-256  ${answer.sha256}`,
    ...(sent?.claimed.map(({ id }) => `  name     ${id} is ${answer.publisher}'s from now on`) ?? []),
    ...answer.findings.map(
      ({ severity, file, line, sentence, rule }) =>
        `  ${plainly(`${severity.padEnd(7)}  ${line > 0 ? `${file}:${line}` : file}: ${sentence} (${rule})`)}`,
    ),
  ].join("\n");
}
