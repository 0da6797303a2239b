/** The file in a package that says what it is. */
import type { ArchiveEntry } from "./archive/read.ts";
import { RegistryError } from "./error.ts";
import { parsedJson } from "./json.ts";
import type { Kind } from "./name.ts";
import { sha256Of } from "./sha256.ts";

export interface PackageManifest {
  readonly file: "plugin.json" | "SKILL.md";
  readonly id: string;
  /** Absent where a skill says none: its publisher's list does. */
  readonly version: string | undefined;
  readonly summary: string | undefined;
  readonly sdk: string | undefined;
  /** Of its bytes, in hex. */
  readonly sha256: string;
  /** All of it, as it stands there. */
  readonly content: Readonly<Record<string, unknown>>;
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {};
const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** Bytes, of which no gateway reads more either: to read them costs whoever is asked to. */
const longest: Readonly<Record<Kind, number>> = { plugins: 4 * 2 ** 20, skills: 256 * 1024 };

/** Throws `REGISTRY_ARCHIVE_INVALID`. */
export function readManifest(kind: Kind, files: readonly ArchiveEntry[]): PackageManifest {
  const file = kind === "plugins" ? "plugin.json" : "SKILL.md";
  const found = files.find(({ path }) => path === file);
  if (!found) throw new RegistryError("REGISTRY_ARCHIVE_INVALID", `expected a ${file} at the top of the archive`);
  if (found.bytes.length > longest[kind])
    throw new RegistryError("REGISTRY_ARCHIVE_INVALID", `${file}: expected at most ${longest[kind]} bytes, came ${found.bytes.length}`);
  const content = kind === "plugins" ? jsonIn(found) : frontMatterIn(found);
  const id = text(kind === "plugins" ? content["id"] : content["name"]);
  if (id === undefined) throw new RegistryError("REGISTRY_ARCHIVE_INVALID", `${file}: expected ${kind === "plugins" ? "an id" : "a name"}`);
  return {
    file,
    id,
    version: text(content["version"]) ?? text(record(content["metadata"])["version"]),
    summary: text(kind === "plugins" ? content["summary"] : content["description"]),
    sdk: text(content["sdk"]),
    sha256: sha256Of(found.bytes),
    content,
  };
}

function jsonIn({ path, bytes }: ArchiveEntry): Readonly<Record<string, unknown>> {
  return record(parsedJson(bytes, (why) => new RegistryError("REGISTRY_ARCHIVE_INVALID", `${path}: ${why}`)));
}

/** Of a skill, between two lines of dashes at its beginning (agentskills.io/specification). */
function frontMatterIn({ path, bytes }: ArchiveEntry): Readonly<Record<string, unknown>> {
  const [, yaml] = /^\uFEFF?---[ \t]*\r?\n([\s\S]*?)\r?\n---[ \t]*(\r?\n|$)/.exec(Buffer.from(bytes).toString("utf8")) ?? [];
  if (yaml === undefined) throw new RegistryError("REGISTRY_ARCHIVE_INVALID", `${path}: expected front matter between two lines of ---`);
  try {
    return record(Bun.YAML.parse(yaml));
  } catch (error) {
    throw new RegistryError("REGISTRY_ARCHIVE_INVALID", `${path}: expected YAML as front matter: ${(error as Error).message}`);
  }
}
