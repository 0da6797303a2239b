/** Where skills are looked for. The first that has a name wins. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { SkillsConfig } from "./config.ts";

export type Source = "workspace" | "project" | "personal" | "managed" | "bundled" | "extra";

export interface Root {
  readonly source: Source;
  readonly path: string;
}

/** What clients of the wire know them as. */
export const wireSources: Readonly<Record<Source, string>> = {
  workspace: "openclaw-workspace",
  project: "agents-skills-project",
  personal: "agents-skills-personal",
  managed: "openclaw-managed",
  bundled: "openclaw-bundled",
  extra: "openclaw-extra",
};

export const managedRoot = (home: string): string => join(home, "skills");

/** Of the repository or the package that this runs from: bundled, the code lies elsewhere in it. */
function bundledRoot(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "skills")) && existsSync(join(folder, "pincer"))) return join(folder, "skills");
    if (dirname(folder) === folder) return undefined;
  }
}
/** Every turn asks, and where code lies does not change while it runs. */
const bundledRoots = new Map<string, string | undefined>();

const underHome = (path: string): string => (path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path);

export const rootsOf = (home: string, workspace: string, config: Pick<SkillsConfig, "load">): readonly Root[] => [
  { source: "workspace", path: join(workspace, "skills") },
  { source: "project", path: join(workspace, ".agents", "skills") },
  ...sharedRootsOf(home, config),
];

/** Of every agent. */
export function sharedRootsOf(home: string, { load }: Pick<SkillsConfig, "load">, from = import.meta.dir): readonly Root[] {
  const personal = load.personal ?? home === join(homedir(), ".pincer");
  const bundled = bundledRoots.getOrInsertComputed(from, bundledRoot);
  return [
    ...(personal ? [{ source: "personal" as const, path: join(homedir(), ".agents", "skills") }] : []),
    { source: "managed", path: managedRoot(home) },
    ...(bundled === undefined ? [] : [{ source: "bundled" as const, path: bundled }]),
    ...load.extraDirs.map((path) => ({ source: "extra" as const, path: resolve(home, underHome(path)) })),
  ];
}
