/** The registry's files over HTTP, as any file server has them: those that are signed, and nothing else that lies in the folder. */
import { realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { RegistryError } from "../error.ts";

/** A name begins with a letter or a digit: no `..`, no hidden file, nothing that means something else once it is decoded. */
const served = /^\/(metadata|targets)(\/[A-Za-z0-9][A-Za-z0-9._-]*)+$/;
const aYear = "public, max-age=31536000, immutable";

const missing = (path: string) => new RegistryError("REGISTRY_NOT_FOUND", `there is no ${path}`);

function fileAt(folder: string, path: string) {
  if (!served.test(path)) throw missing(path);
  const file = join(folder, path);
  const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
  if (!stats?.isFile() || !realpathSync(file).startsWith(realpathSync(folder) + sep)) throw missing(path);
  return { file, size: Number(stats.size), tag: `"${stats.ino.toString(36)}-${stats.mtimeNs.toString(36)}-${stats.size.toString(36)}"` };
}

/** `path`: as it stands in the request, not decoded. */
export function serveFile(folder: string, path: string, { headers }: Request): Response {
  const { file, size, tag } = fileAt(folder, path);
  // What has a version or a digest in its name never changes.
  const digest = /\/([0-9a-f]{64})\.[^/]+$/.exec(path)?.[1];
  const etag = digest === undefined ? tag : `"${digest}"`;
  const answer: Record<string, string> = {
    etag,
    "cache-control": digest !== undefined || /\/\d+\.[^/]+$/.test(path) ? aYear : "no-cache",
    "content-type": path.endsWith(".json") ? "application/json" : "application/octet-stream",
    "accept-ranges": "bytes",
    "access-control-allow-origin": "*",
    "x-content-type-options": "nosniff",
  };
  const known = headers
    .get("if-none-match")
    ?.split(",")
    .map((part) => part.trim().replace(/^W\//, ""));
  if (known?.some((one) => one === etag || one === "*")) return new Response(null, { status: 304, headers: answer });
  const range = rangeIn(headers, etag, size);
  if (range === "none") return new Response(null, { status: 416, headers: { ...answer, "content-range": `bytes */${size}` } });
  const [from, until] = range ?? [0, size];
  answer["content-length"] = String(until - from);
  if (range) answer["content-range"] = `bytes ${from}-${until - 1}/${size}`;
  // The answer to HEAD too: Bun takes its length, and sends nothing of it.
  const body = range ? Bun.file(file).slice(from, until) : Bun.file(file);
  return new Response(body, { status: range ? 206 : 200, headers: answer });
}

/** RFC 9110, 14.2: one range; several, or what is no range, is answered with the whole file. */
function rangeIn(headers: Headers, etag: string, size: number): readonly [from: number, until: number] | "none" | undefined {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.get("range") ?? "") ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return undefined;
  const condition = headers.get("if-range");
  if (condition !== null && condition !== etag) return undefined;
  const from = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const until = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  return from < until ? [from, until] : "none";
}
