/** What a binary needs to run: its loader and the libraries that this loader finds, as the loader itself lists them without running anything. */
import { statSync } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";

interface Library {
  /** Where the loader looks for it. */
  readonly at: string;
  /** Where it lies, symbolic links followed. */
  readonly real: string;
}

/** Of a script what its first line names; of a static binary nothing. */
type Head = { readonly kind: "script"; readonly interpreter: string } | { readonly kind: "binary"; readonly loader: string | undefined };

const HEAD_BYTES = 4096;
const PT_INTERP = 3;

async function headOf(binary: string): Promise<Head> {
  await using file = await open(binary);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
  const head = buffer.subarray(0, bytesRead);
  if (head.toString("latin1", 0, 2) === "#!") {
    const interpreter = head.toString("utf8", 2).split("\n", 1)[0]!.trim().split(/\s/, 1)[0]!;
    return { kind: "script", interpreter };
  }
  if (head.toString("latin1", 0, 6) !== "\x7fELF\x02\x01") {
    throw pluginErrors.PLUGIN_UNCONFINABLE(
      `${binary} is neither a 64-bit binary nor a script: name under permissions.exec what can be run here`,
    );
  }
  const [at, size, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)];
  for (let entry = at; entry < Math.min(at + size * count, head.length - size + 1); entry += size) {
    if (head.readUInt32LE(entry) !== PT_INTERP) continue;
    const [start, length] = [Number(head.readBigUInt64LE(entry + 8)), Number(head.readBigUInt64LE(entry + 32))];
    const name = await file.read(Buffer.alloc(length - 1), 0, length - 1, start);
    return { kind: "binary", loader: name.buffer.toString("utf8") };
  }
  return { kind: "binary", loader: undefined };
}

/** Before glibc 2.34 these are loaded only when a name is looked up; since then they are part of it. */
const NAME_SERVICES = ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"];
function loadsNameServices(): boolean {
  const { header } = (process.report?.getReport() ?? {}) as { readonly header?: { readonly glibcVersionRuntime?: string } };
  return Bun.semver.order(`${header?.glibcVersionRuntime ?? "0.0"}.0`, "2.34.0") < 0;
}

/** A binary says itself which loader it wants: one that is none of the system's own would be a program of its author's, run by the gateway. */
async function requireSystemLoader(loader: string, binary: string): Promise<void> {
  const real = await realpath(loader).catch(() => "");
  const { uid, mode } = real ? await stat(real) : { uid: -1, mode: 0 };
  if (/^(\/usr)?\/lib(32|64)?\/([\w.-]+\/)?(ld-linux|ld-musl|ld-)[\w.-]*\.so[\w.-]*$/.test(real) && uid === 0 && (mode & 0o022) === 0)
    return;
  throw pluginErrors.PLUGIN_UNCONFINABLE(`${binary} asks for the loader ${loader}, which is none of the system's`);
}

async function listed(loader: string, binary: string): Promise<readonly Library[]> {
  await requireSystemLoader(loader, binary);
  // An empty environment: LD_LIBRARY_PATH of the gateway must not decide.
  const listing = Bun.spawn([loader, "--list", binary], { env: {}, stdio: ["ignore", "pipe", "pipe"] });
  const [text, complaint, code] = await Promise.all([
    new Response(listing.stdout).text(),
    new Response(listing.stderr).text(),
    listing.exited,
  ]);
  const missing = /^\s*(\S+) => not found/m.exec(text)?.[1];
  if (code !== 0 || missing) {
    const why = missing ? `${missing} is not found` : complaint.trim();
    throw pluginErrors.PLUGIN_UNCONFINABLE(`the libraries of ${binary} cannot be listed by ${loader}: ${why}`);
  }
  const paths = new Set([loader]);
  for (const line of text.split("\n")) {
    const path = /(?:=> )?(\/.+) \(0x[0-9a-f]+\)$/.exec(line)?.[1];
    if (path) paths.add(path);
  }
  const libc = [...paths].find((path) => /\/libc\.so\.6$/.test(path));
  const candidates = libc && loadsNameServices() ? NAME_SERVICES.map((name) => join(dirname(libc), name)) : [];
  for (const path of candidates) if (await Bun.file(path).exists()) paths.add(path);
  return Promise.all([...paths].map(async (at) => ({ at, real: await realpath(at) })));
}

export type Libraries = (binary: string, among: readonly string[]) => Promise<readonly Library[]>;

interface Needs {
  readonly interpreter: string | undefined;
  readonly libraries: readonly Library[];
}

async function needsOf(binary: string): Promise<Needs> {
  const head = await headOf(binary);
  if (head.kind === "script") return { interpreter: head.interpreter, libraries: [] };
  return { interpreter: undefined, libraries: head.loader === undefined ? [] : await listed(head.loader, binary) };
}

/**
 * Looked up once for each state of a binary. A script needs no library but its interpreter, which must be `among` what may be executed: to
 * permit a script is not to permit whatever its interpreter can do.
 */
export function createLibraries(): Libraries {
  const known = new Map<string, { readonly state: string; readonly needs: Promise<Needs> }>();
  return async (binary, among) => {
    const { mtimeMs, size } = statSync(binary);
    const state = `${mtimeMs}:${size}`;
    let entry = known.get(binary);
    if (entry?.state !== state) {
      entry = { state, needs: needsOf(binary) };
      known.set(binary, entry);
      // Tried again next time: a library may be installed without any change of the binary.
      entry.needs.catch(() => known.delete(binary));
    }
    const { interpreter, libraries } = await entry.needs;
    if (interpreter === undefined || among.includes(interpreter)) return libraries;
    throw pluginErrors.PLUGIN_UNCONFINABLE(
      `${binary} is a script of ${interpreter}: name ${interpreter} under permissions.exec too, and what it reads under permissions.files.read`,
    );
  };
}
