/** A package as the rules see it: its files, read once, and what its manifest lets it do. */
import type { ArchiveEntry } from "../archive/read.ts";
import type { Kind } from "../name.ts";
import type { Finding } from "./finding.ts";
import { type Lexed, lex, linesOf } from "./lexed.ts";
import type { Severity } from "./severity.ts";

export interface ScannedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Undefined for what is no text in UTF-8. */
  readonly text: string | undefined;
  line(at: number): number;
}

export interface Script extends ScannedFile {
  readonly text: string;
  readonly lexed: Lexed;
}

/** What its manifest names. */
export interface Permitted {
  readonly net: readonly string[];
  readonly exec: readonly string[];
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly sockets: readonly string[];
}

export interface Subject {
  readonly kind: Kind;
  readonly files: readonly ScannedFile[];
  /** JavaScript and TypeScript. */
  readonly scripts: readonly Script[];
  /** Undefined when there is none, or it cannot be read. */
  readonly manifest: Readonly<Record<string, unknown>> | undefined;
  readonly permitted: Permitted;
}

export type Rule = (subject: Subject) => Iterable<Finding>;

const script = /\.[cm]?[jt]sx?$/;
/** Of a bundle or a table: what is larger is looked at as bytes, so that no one file costs minutes. */
const largestText = 4 * 2 ** 20;
/** Of all together, the shortest first: who waits for the scan is a gateway or a server, which others wait for. */
const mostText = 6 * 2 ** 20;

export function subjectOf(kind: Kind, entries: readonly ArchiveEntry[]): Subject {
  let left = mostText;
  const read = new Set<string>();
  for (const { path, bytes } of [...entries].sort((a, b) => a.bytes.length - b.bytes.length)) {
    left -= bytes.length;
    if (left < 0) break;
    read.add(path);
  }
  const files = entries.map(({ path, bytes }): ScannedFile => {
    const text = bytes.length <= largestText && read.has(path) ? textIn(bytes) : undefined;
    let lines: ((at: number) => number) | undefined;
    return {
      path,
      bytes,
      text,
      line(at) {
        lines ??= linesOf(text ?? "");
        return lines(at);
      },
    };
  });
  const scripts = files.flatMap((file): Script[] =>
    script.test(file.path) && file.text !== undefined ? [Object.assign(file, { text: file.text, lexed: lex(file.text) })] : [],
  );
  const manifest = objectIn(files.find(({ path }) => path === "plugin.json")?.text);
  return { kind, files, scripts, manifest, permitted: permittedIn(manifest) };
}

function textIn(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch {
    // Bytes that are no text are another rule's.
    return undefined;
  }
}

export function objectIn(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(text ?? "");
    return typeof json === "object" && json !== null && !Array.isArray(json) ? (json as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    // What is no JSON names nothing.
    return undefined;
  }
}

const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];

function permittedIn(manifest: Readonly<Record<string, unknown>> | undefined): Permitted {
  const permissions = (manifest?.["permissions"] ?? {}) as Readonly<Record<string, unknown>>;
  const files = (permissions["files"] ?? {}) as Readonly<Record<string, unknown>>;
  return {
    net: texts(permissions["net"]),
    exec: texts(permissions["exec"]),
    read: texts(files["read"]),
    write: texts(files["write"]),
    sockets: texts(permissions["sockets"]),
  };
}

/** So long a piece of what was found is shown. */
export const excerpt = (text: string, longest = 60): string => {
  const plain = text.replace(/[\p{C}\s]+/gu, " ").trim();
  return plain.length > longest ? `${plain.slice(0, longest)}…` : plain;
};

export const found = (rule: string, severity: Severity, file: Pick<ScannedFile, "path">, line: number, sentence: string): Finding => ({
  rule,
  severity,
  file: file.path,
  line,
  sentence: sentence.slice(0, 400),
});
