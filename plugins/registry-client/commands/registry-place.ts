/** A registry that a command is told of: an address or a folder, and the root that is trusted. */
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { CommandIo } from "@pincer/plugin-sdk";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { RegistryError } from "@pincer/registry/error";
import { httpSource } from "@pincer/registry/http-source";
import { checkedName, isVersion, type PackageName, type Release } from "@pincer/registry/name";
import { timeOf } from "@pincer/registry/schema";
import { sha256Of } from "@pincer/registry/sha256";
import { folderSource, joined, type RegistrySource } from "@pincer/registry/source";
import { tarSource } from "@pincer/registry/tar-source";
import { clientErrors } from "../errors.ts";
import { kindSaid } from "../sources/wanted.ts";
import { fetchLed, fetchNamed } from "../sources/web-fetch.ts";
import { readInput } from "./input-file.ts";

export const isAddress = (text: string): boolean => /^https?:\/\//.test(text);

export async function sourceAt(place: string, io: CommandIo): Promise<RegistrySource> {
  if (isAddress(place)) {
    const onWait = (why: string, ms: number) => io.json || io.print(`  waits ${Math.ceil(ms / 1000)} s: ${why}`);
    return httpSource({ url: place, clock: systemClock, fetch: fetchNamed, fetchLed, onWait });
  }
  const folder = resolve(place);
  if (statSync(folder, { throwIfNoEntry: false })?.isFile())
    return tarSource(folder).catch((error) => {
      if (!(error instanceof RegistryError) || error.code !== "REGISTRY_ARCHIVE_INVALID") throw error;
      throw new RegistryError(error.code, `${folder} is no file that pincer registry export has written: ${error.message}`, {
        cause: error,
      });
    });
  return folderSource(registryFolder(folder));
}

/** Throws where there is no registry in it. */
export function registryFolder(place: string): string {
  const folder = resolve(place);
  if (existsSync(join(folder, "metadata"))) return folder;
  const why = existsSync(folder)
    ? `there is no registry in ${folder}: "pincer registry init" makes one in an empty folder`
    : `there is no ${folder}`;
  throw clientErrors.REGISTRY_CLIENT_USAGE(why);
}

export interface GivenRoot {
  readonly bytes: Uint8Array;
  /** In hex. */
  readonly sha256: string;
  /** Whether it came from elsewhere than from the registry itself. */
  readonly isTrusted: boolean;
}

/** The root in that file, or the registry's own first one, which proves nothing but that the rest belongs to it. */
export async function rootFor(source: RegistrySource, file: string | undefined, signal: AbortSignal): Promise<GivenRoot> {
  const limit = 512 * 1024;
  const bytes =
    file === undefined
      ? await joined(source.read("metadata/1.root.json", { limit, signal }))
      : readInput(file, "the root of a registry, as 1.root.json");
  return { bytes, sha256: sha256Of(bytes), isTrusted: file !== undefined };
}

/** `telegram`, `skill:notes`, each with `@1.2.0` where one release is meant. Throws `REGISTRY_CLIENT_USAGE`, `REGISTRY_NAME_INVALID`. */
export function packageIn(text: string): PackageName & { readonly version?: string } {
  const [, kind, id = "", version] = /^(?:(plugin|skill):)?([^@]*)(?:@(.*))?$/.exec(text) ?? [];
  if (version !== undefined && !isVersion(version))
    throw clientErrors.REGISTRY_CLIENT_USAGE(`${JSON.stringify(text)}: expected a version as 1.2.0 behind the @`);
  return { kind: kind === "skill" ? "skills" : "plugins", id: checkedName(id), ...(version !== undefined && { version }) };
}

/** As `packageIn`; where the kind was not said, the one that there is. Throws where there is neither, or both. */
export function presentIn(text: string, has: (name: ReturnType<typeof packageIn>) => boolean): ReturnType<typeof packageIn> {
  const said = packageIn(text);
  const could = kindSaid(text) ? [said] : (["plugins", "skills"] as const).map((kind) => ({ ...said, kind }));
  const [found, other] = could.filter(has);
  if (other) throw clientErrors.REGISTRY_CLIENT_NAME_UNCLEAR(`${text} is a plugin and a skill there: say plugin:${text} or skill:${text}`);
  if (!found) throw clientErrors.REGISTRY_CLIENT_UNKNOWN(`there is no ${text}, neither a plugin nor a skill`);
  return found;
}

/** Where one release is meant. */
export function releaseIn(text: string, has: (release: Release) => boolean): Release {
  const { version, ...name } = presentIn(text, (one) => one.version === undefined || has({ ...one, version: one.version }));
  if (version !== undefined) return { ...name, version };
  throw clientErrors.REGISTRY_CLIENT_USAGE(`${text}: expected a release, as ${name.id}@1.2.0`);
}

export const timeNow = (): string => timeOf(systemClock.now());
