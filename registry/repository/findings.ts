/** What a scan found in an archive when it was published, by the archive's digest. It lies beside the signed files; the catalogue says the gist of it, signed. */
import type { Finding } from "../scan/finding.ts";
import type { RepositoryFiles } from "./files.ts";

const placeOf = (sha256: string): string => `findings/${sha256}.json`;

/** Undefined when nobody has looked. */
export function findingsIn(files: RepositoryFiles, sha256: string): readonly Finding[] | undefined {
  const bytes = files.read(placeOf(sha256));
  return bytes && (JSON.parse(Buffer.from(bytes).toString("utf8")) as readonly Finding[]);
}

export function keepFindings(files: RepositoryFiles, sha256: string, findings: readonly Finding[]): void {
  files.write(placeOf(sha256), new TextEncoder().encode(JSON.stringify(findings)));
}
