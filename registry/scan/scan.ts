/**
 * Looks through a package for what whoever installs it should know. No proof of anything: who wants to hide something from rules that everybody can read
 * can do so. What holds a plugin to its permissions is the sandbox; this says where its author has not said all.
 */
import type { ArchiveEntry } from "../archive/read.ts";
import type { Kind } from "../name.ts";
import type { Finding } from "./finding.ts";
import { instructions } from "./rules/instructions.ts";
import { environment, undeclaredFiles } from "./rules/machine.ts";
import { undeclaredHosts, undeclaredNetwork } from "./rules/network.ts";
import { binaries, hiddenCode, invisible, minified } from "./rules/obfuscation.ts";
import { foreignDependencies, installScripts, toolSettings } from "./rules/packaging.ts";
import { madeCode, undeclaredPrograms } from "./rules/programs.ts";
import { secrets } from "./rules/secrets.ts";
import { shellCommands } from "./rules/shell.ts";
import { severities } from "./severity.ts";
import { type Rule, subjectOf } from "./subject.ts";

const rules: readonly Rule[] = [
  undeclaredHosts,
  undeclaredNetwork,
  undeclaredPrograms,
  undeclaredFiles,
  environment,
  madeCode,
  minified,
  hiddenCode,
  invisible,
  binaries,
  installScripts,
  foreignDependencies,
  toolSettings,
  secrets,
  instructions,
  shellCommands,
];

/** So many of one rule in one file say all there is to say. */
const mostAlike = 5;
const most = 200;

/** The gravest first, then by file and line. */
export function scanPackage(kind: Kind, files: readonly ArchiveEntry[]): readonly Finding[] {
  const subject = subjectOf(kind, files);
  const alike = new Map<string, number>();
  const all: Finding[] = [];
  // One by one: a file may be made of nothing but what a rule looks for.
  for (const rule of rules)
    for (const one of rule(subject)) {
      const count = (alike.get(`${one.rule} ${one.file}`) ?? 0) + 1;
      alike.set(`${one.rule} ${one.file}`, count);
      if (count <= mostAlike) all.push(one);
    }
  const order = (a: Finding, b: Finding) =>
    severities.indexOf(b.severity) - severities.indexOf(a.severity) || (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line);
  return all.sort(order).slice(0, most);
}
