/** What a look through the files has found, as it stands in a plan: once for each rule, with the place that it was seen at first. */
import { scanPackage } from "@pincer/registry/scan/scan";
import type { Package } from "./package.ts";
import type { Notice } from "./plan.ts";

const levels = { low: "note", medium: "warning", high: "yes" } as const;

export function scanned({ candidate: { kind }, files }: Package): readonly Notice[] {
  const byRule = Map.groupBy(scanPackage(kind, files), ({ rule }) => rule);
  return [...byRule.values()].map((findings): Notice => {
    const worst = ["high", "medium", "low"].find((severity) => findings.some((one) => one.severity === severity));
    const { rule, severity, file, line, sentence } = findings.find((one) => one.severity === worst)!;
    const at = line > 0 ? `${file}, line ${line}` : file;
    const more = findings.length > 1 ? `, and ${findings.length - 1} more` : "";
    return { code: rule, level: levels[severity], text: `${sentence} (${at}${more})` };
  });
}
