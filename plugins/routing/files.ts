/** The files of an agent's workspace that make up its prompt. */
import { constants } from "node:fs";
import { mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { join, sep } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { routingErrors } from "./agents.ts";

const AGENT_FILES = ["AGENTS.md", "SOUL.md", "USER.md", "MEMORY.md"] as const;

export const FileEntry = Type.Object({
  name: Type.String(),
  path: Type.String(),
  missing: Type.Boolean(),
  size: Type.Optional(Type.Integer()),
  updatedAtMs: Type.Optional(Type.Integer()),
  hash: Type.Optional(Type.String()),
  content: Type.Optional(Type.String()),
});
export type FileEntry = Static<typeof FileEntry>;

const hashOf = (bytes: Uint8Array | string) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

function checkedName(name: string): string {
  if ((AGENT_FILES as readonly string[]).includes(name)) return name;
  throw routingErrors.ROUTER_FILE_UNKNOWN(`"${name}" is not one of an agent's files; there are: ${AGENT_FILES.join(", ")}`, {
    data: { name },
  });
}

/** A link that leads out of the workspace is refused, in both directions. */
async function inside(workspace: string, name: string): Promise<string> {
  const path = join(workspace, checkedName(name));
  const real = await realpath(path).catch(() => undefined); // silent-ok: a missing file is answered as missing
  const root = await realpath(workspace).catch(() => workspace); // silent-ok: so is a missing workspace
  if (real !== undefined && !real.startsWith(root + sep))
    throw routingErrors.ROUTER_FILE_OUTSIDE(`${name} leads to ${real}, outside ${workspace}`);
  return path;
}

export async function readAgentFile(workspace: string, name: string, withContent: boolean): Promise<FileEntry> {
  const path = await inside(workspace, name);
  // Whoever opens a pipe that nobody writes to waits for ever, and many who wait leave no thread for any file of the gateway.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined); // silent-ok: answered as missing
  const stat = await file?.stat();
  if (file === undefined || !stat?.isFile()) return { name, path, missing: true };
  const bytes = await file.readFile();
  return {
    name,
    path,
    missing: false,
    size: bytes.length,
    updatedAtMs: Math.round(stat.mtimeMs),
    hash: hashOf(bytes),
    ...(withContent ? { content: bytes.toString("utf8") } : {}),
  };
}

export const listAgentFiles = (workspace: string): Promise<FileEntry[]> =>
  Promise.all(AGENT_FILES.map((name) => readAgentFile(workspace, name, false)));

/** Written beside and renamed over, so that a reader never sees half a file. */
export async function writeAgentFile(
  workspace: string,
  name: string,
  content: string,
  expectedHash: string | undefined,
): Promise<FileEntry> {
  const path = await inside(workspace, name);
  const before = await readAgentFile(workspace, name, false);
  if (expectedHash !== undefined && before.hash !== expectedHash) {
    throw routingErrors.ROUTER_FILE_CHANGED(
      `${name} changed since it was read: expected hash ${expectedHash}, it is ${before.hash ?? "missing"}`,
    );
  }
  await mkdir(workspace, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${crypto.randomUUID()}`;
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return readAgentFile(workspace, name, true);
}
