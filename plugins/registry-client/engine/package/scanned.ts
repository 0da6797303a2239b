/**
 * What a look through the files has found, as it stands in a plan: once for each rule, with the place that it was seen at first. Files may be made to
 * keep whoever looks busy for long, so that is done beside the gateway, for so long as it may take.
 */
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import type { Kind } from "@pincer/registry/name";
import type { Finding } from "@pincer/registry/scan/finding";
import { type ScanApart, scanApart } from "@pincer/registry/scan/scan-apart";
import type { Notice } from "../../notice.ts";
import type { Package } from "./package.ts";

const levels = { low: "note", medium: "warning", high: "yes" } as const;

/** Up to so many bytes, whatever they are, the look is over before a process for it would have begun. */
const smallBytes = 32 * 1024;

/** Lines move from version to version. */
const likeness = ({ rule, file, sentence }: Finding): string => JSON.stringify([rule, file, sentence]);

interface Before {
  readonly digest: string;
  readonly files: readonly ArchiveEntry[];
}

/** `before`: the version that it replaces. */
export type Scanned = (found: Package, before: Before | undefined, signal: AbortSignal) => Promise<readonly Notice[]>;

/** For one engine: what a plan was made of is not looked through again when that is done, and of many packages one at a time is. */
export function createScanned(options: Omit<ScanApart, "signal">): Scanned {
  const known = new Map<string, Promise<readonly Notice[]>>();
  let turn: Promise<unknown> = Promise.resolve();

  async function scan(kind: Kind, files: readonly ArchiveEntry[], signal: AbortSignal): Promise<readonly Finding[]> {
    if (files.reduce((sum, { bytes }) => sum + bytes.length, 0) > smallBytes) return scanApart(kind, files, { ...options, signal });
    // Only here: most starts look at nothing.
    const { scanPackage } = await import("@pincer/registry/scan/scan");
    return scanPackage(kind, files);
  }

  return ({ candidate: { kind }, locked: { digest }, files }, before, signal) => {
    const key = JSON.stringify([kind, digest, before?.digest]);
    const present = known.get(key);
    if (present) return present;
    const noticed = turn.then(async () => noticesOf(await scan(kind, files, signal), await scan(kind, before?.files ?? [], signal)));
    known.set(key, noticed);
    turn = noticed.catch(() => known.delete(key));
    return noticed;
  };
}

function noticesOf(found: readonly Finding[], before: readonly Finding[]): readonly Notice[] {
  const known = new Set(before.map(likeness));
  return [...Map.groupBy(found, ({ rule }) => rule).values()].map((all): Notice => {
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
