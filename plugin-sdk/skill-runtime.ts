/** What a skill says of where it runs, in `metadata.openclaw`: requirements, its secret, how to get what is missing. */
import { isObject } from "./json5.ts";
import { type FrontMatter, kindOf } from "./skill-front-matter.ts";

export interface SkillInstaller {
  /** How a caller names it; `<kind>-<index>` when the skill gives none. */
  readonly id: string;
  /** brew, apt, node, npm, uv, go, download, or what the skill's author wrote. */
  readonly kind: string;
  readonly label: string;
  /** The binaries that it brings. */
  readonly bins: readonly string[];
  /** Empty: wherever. */
  readonly os: readonly SkillOs[];
  /** What is installed: a formula, a package, a module, an address. */
  readonly subject: string;
  /** Of a download. */
  readonly sha256?: string;
}

export type SkillOs = "darwin" | "linux" | "win32";

export interface SkillRuntime {
  /** Under which the operator's settings of the skill stand. */
  readonly key: string;
  /** Requirements other than `os` are not asked for. */
  readonly always: boolean;
  readonly emoji?: string;
  readonly homepage?: string;
  /** Empty: wherever. */
  readonly os: readonly SkillOs[];
  readonly requires: {
    readonly bins: readonly string[];
    readonly anyBins: readonly string[];
    readonly env: readonly string[];
    readonly config: readonly string[];
  };
  /** The variable that takes the skill's `apiKey`. */
  readonly primaryEnv?: string;
  readonly install: readonly SkillInstaller[];
}

/** `clawdbot` and `clawdis` are what the block was called before. */
const blocks = ["openclaw", "clawdbot", "clawdis"] as const;
const systems: Readonly<Record<string, SkillOs>> = { darwin: "darwin", macos: "darwin", linux: "linux", win32: "win32", windows: "win32" };
const variable = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const binary = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/;
const subjects = ["formula", "package", "module", "url"] as const;

export function skillRuntime(front: FrontMatter, name: string): SkillRuntime {
  const block = blocks.find((key) => front.at(["metadata", key]) !== undefined) ?? blocks[0];
  const at = (...path: string[]) => ["metadata", block, ...path];
  const own = front.at(at());
  if (own !== undefined && !isObject(own)) front.expect(at(), "a map", kindOf(own));
  const requires = front.at(at("requires"));
  if (requires !== undefined && !isObject(requires))
    front.expect(at("requires"), "a map with bins, anyBins, env or config", kindOf(requires));
  const emoji = front.text(at("emoji"));
  const homepage = front.text(at("homepage")) ?? front.text(["homepage"]);
  const primaryEnv = front.text(at("primaryEnv"));
  if (primaryEnv !== undefined) named(front, at("primaryEnv"), [primaryEnv], variable, "the name of a variable");
  return {
    key: front.text(at("skillKey")) ?? name,
    always: front.flag(at("always")) ?? false,
    ...(emoji === undefined ? {} : { emoji }),
    ...(homepage === undefined ? {} : { homepage }),
    os: systemsOf(front, at("os")),
    requires: {
      bins: named(front, at("requires", "bins"), front.texts(at("requires", "bins")), binary, "names of programs"),
      anyBins: named(front, at("requires", "anyBins"), front.texts(at("requires", "anyBins")), binary, "names of programs"),
      env: named(front, at("requires", "env"), front.texts(at("requires", "env")), variable, "names of variables"),
      config: front.texts(at("requires", "config")),
    },
    ...(primaryEnv === undefined ? {} : { primaryEnv }),
    install: installers(front, at("install")),
  };
}

function named(front: FrontMatter, path: readonly string[], values: readonly string[], pattern: RegExp, what: string): readonly string[] {
  const wrong = values.find((value) => !pattern.test(value));
  if (wrong !== undefined) front.expect(path, what, kindOf(wrong));
  return values;
}

function systemsOf(front: FrontMatter, path: readonly string[]): readonly SkillOs[] {
  return front.texts(path).flatMap((written) => {
    const system = Object.hasOwn(systems, written) ? systems[written] : undefined;
    if (system === undefined) front.expect(path, "darwin, linux or win32", kindOf(written));
    return system === undefined ? [] : [system];
  });
}

function installers(front: FrontMatter, path: readonly string[]): readonly SkillInstaller[] {
  const written = front.at(path) ?? [];
  if (!Array.isArray(written)) {
    front.expect(path, "a list of maps", kindOf(written));
    return [];
  }
  return written.flatMap((entry, index) => {
    if (!isObject(entry)) {
      front.expect(path, "a list of maps", kindOf(entry));
      return [];
    }
    const text = (key: string) => (typeof entry[key] === "string" ? (entry[key] as string) : undefined);
    const texts = (key: string) =>
      Array.isArray(entry[key]) ? entry[key].filter((value): value is string => typeof value === "string") : [];
    const kind = text("kind");
    if (kind === undefined) {
      front.expect(path, "a kind in each entry, such as brew, apt, npm, uv, go or download", kindOf(entry["kind"] ?? null));
      return [];
    }
    const subject = subjects.map(text).find((value) => value !== undefined) ?? "";
    const sha256 = text("sha256");
    return [
      {
        id: text("id") ?? `${kind}-${index}`,
        kind,
        label: text("label") ?? `Install ${subject === "" ? kind : `${subject} (${kind})`}`,
        bins: texts("bins"),
        os: texts("os").flatMap((system) => (Object.hasOwn(systems, system) ? [systems[system]!] : [])),
        subject,
        ...(sha256 === undefined ? {} : { sha256 }),
      },
    ];
  });
}
