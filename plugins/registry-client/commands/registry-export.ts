/** `pincer registry export`: a registry, or some packages of it, in one file, to be carried to where no network is. */
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { head, padding } from "@pincer/plugin-kit/archive";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { parseMetadata } from "@pincer/registry/trust/metadata";
import { clientErrors } from "../errors.ts";
import { readOptions } from "./options.ts";
import { copied, mirrorFlags, mirrorUsage, said } from "./registry-mirror.ts";

export const exportRegistry: CommandDefinition = {
  command: {
    name: "registry export",
    summary: "Put a registry, or some packages of it, into one file, with what its plugins need of npm",
    usage: `<folder-or-url> <file.tar> ${mirrorUsage}`,
    flags: mirrorFlags,
  },
  async run(args, io) {
    const options = readOptions(args, ["--root", "--package"]);
    const [place = "", into = ""] = options.words;
    const file = resolve(into);
    requireFile(file);
    // Anew each time: what is there already could be of another state.
    const folder = mkdtempSync(join(dirname(file), ".export-"));
    try {
      const copy = await copied(place, folder, options, io);
      return said(copy, { file, sha256: writeTar(folder, file), until: until(folder) }, io);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** Before everything is fetched. */
function requireFile(file: string): void {
  const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isFolder(file)) throw clientErrors.REGISTRY_CLIENT_USAGE(`${file}: expected a file to write, such as registry.tar, came a folder`);
  if (!isFolder(dirname(file))) throw clientErrors.REGISTRY_CLIENT_USAGE(`${file}: there is no folder ${dirname(file)}`);
}

/** Nobody takes anything from it for the first time from then on. */
const until = (folder: string): string =>
  parseMetadata("timestamp", "timestamp", readFileSync(join(folder, "metadata", "timestamp.json"))).signed.expires;

/** The same files give the same bytes. What it holds is packed already, so it is not packed again. Answers its SHA-256. */
function writeTar(folder: string, file: string): string {
  const paths = [...new Bun.Glob("**/*").scanSync({ cwd: folder })].sort();
  const hash = new Bun.CryptoHasher("sha256");
  const next = `${file}.${process.pid}.next`;
  const open = openSync(next, "w");
  const write = (bytes: Uint8Array): void => {
    hash.update(bytes);
    writeSync(open, bytes);
  };
  try {
    for (const path of paths) {
      const bytes = readFileSync(join(folder, path));
      for (const header of headersOf(path, bytes.length)) write(header);
      for (const part of [bytes, new Uint8Array(padding(bytes.length))]) write(part);
    }
    // A tar ends with two blocks of nothing.
    write(new Uint8Array(1024));
    fsyncSync(open);
    renameSync(next, file);
  } finally {
    closeSync(open);
    rmSync(next, { force: true });
  }
  return hash.digest("hex");
}

/** A name of more than 100 bytes, as that of an archive of npm is, stands in an extension (pax) before its file. */
function headersOf(path: string, size: number): readonly Uint8Array[] {
  if (Buffer.byteLength(path) <= 100) return [head(path, size)];
  const rest = ` path=${path}\n`;
  // Its length counts itself.
  const digits = String(Buffer.byteLength(rest) + 3).length;
  const record = Buffer.from(`${Buffer.byteLength(rest) + digits}${rest}`);
  return [head("pax", record.length, false, "x"), record, new Uint8Array(padding(record.length)), head("long", size)];
}
