/** What a look through the files has found, as it stands in a plan: once for each rule, with the place that it was seen at first. */
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import type { Finding } from "@pincer/registry/scan/finding";
import { scanPackage } from "@pincer/registry/scan/scan";
import type { Notice } from "../../notice.ts";
import type { Package } from "./package.ts";

const levels = { low: "note", medium: "warning", high: "yes" } as const;

/** Lines move from version to version. */
const likeness = ({ rule, file, sentence }: Finding): string => JSON.stringify([rule, file, sentence]);

/** `before`: the files of the version that it replaces. */
export function scanned({ candidate: { kind }, files }: Package, before: readonly ArchiveEntry[]): readonly Notice[] {
  const known = new Set(scanPackage(kind, before).map(likeness));
  const byRule = Map.groupBy(scanPackage(kind, files), ({ rule }) => rule);
  return [...byRule.values()].map((all): Notice => {
    const fresh = all.filter((one) => !known.has(likeness(one)));
    const findings = fresh.length > 0 ? fresh : all;
    const worst = ["high", "medium", "low"].find((severity) => all.some((one) => one.severity === severity));
    const { rule, file, line, sentence } = findings.find((one) => one.severity === worst) ?? findings[0]!;
    const at = line > 0 ? `${file}, line ${line}` : file;
    const more = all.length > 1 ? `, and ${all.length - 1} more` : "";
    const text = `${sentence} (${at}${more})`;
    return { code: rule, level: levels[worst as keyof typeof levels], text, finding: fresh.length > 0 ? "new" : "known" };
  });
}
