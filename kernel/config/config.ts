/** The gateway's configuration: one immutable snapshot at a time, from `pincer.json5` in the home, applied while everything runs. */
import { join } from "node:path";
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { type ConfigIssue, configErrors } from "@pincer/plugin-sdk/contracts/configuration";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Json, JsonObject } from "@pincer/plugin-sdk/json5";
import { editJson5 } from "@pincer/plugin-sdk/json5-edit";
import { isSensitive } from "@pincer/plugin-sdk/sensitive";
import type { Path, Shape } from "@pincer/plugin-sdk/shape";
import type { TSchema } from "@sinclair/typebox";
import type { Environment } from "./environment.ts";
import { fingerprint, readText, sizeLimit, writeText } from "./file.ts";
import { checkShape } from "./schema.ts";
import { at, type Computed, compute, type Declaration, put, shapeAt } from "./snapshot.ts";

export interface Snapshot {
  /** Deeply frozen; environment and defaults applied, secret references unresolved. */
  readonly value: JsonObject;
  /** The file as it is on disk, also when it has an error; `undefined` when there is none. */
  readonly raw: string | undefined;
  /** Of `raw`; and of the text that `value` comes from. They differ while the file has an error. */
  readonly hash: string;
  readonly appliedHash: string;
  /** What `raw` says, references as they are written; `undefined` when it cannot be parsed. */
  readonly written: JsonObject | undefined;
  readonly issues: readonly ConfigIssue[];
  readonly path: string;
  /** Where `value` comes from. `kept`: the file has an error, and the last good text is in force. */
  readonly source: "file" | "kept" | "defaults";
}

export interface ConfigOptions {
  readonly home: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly env: Environment;
  /** Between two looks at the file. */
  readonly lookMs?: number;
}

/** A change of the file; `edit` answers the whole new text. */
export interface Edit {
  readonly baseHash: string | undefined;
  edit(present: Snapshot): string;
}

export type Config = ReturnType<typeof createConfig>;

const fileName = "pincer.json5";

const hashOf = (text: string | undefined): string => new Bun.CryptoHasher("sha256").update(text ?? "").digest("hex");
export const describeIssue = ({ path, message, line, column }: ConfigIssue): string =>
  path === "" ? message : `${path}${line === undefined ? "" : ` (line ${line}, column ${column})`}: ${message}`;
const isSound = (issues: readonly ConfigIssue[]): boolean => issues.every(({ level }) => level !== "error");
const invalid = (issues: readonly ConfigIssue[]) =>
  configErrors.CONFIG_INVALID(`nothing was changed: ${issues.map(describeIssue).join("; ")}`, { data: { issues } });

/** Reads the file at once; a file with errors never throws. Declare everything, then `watch`. */
export function createConfig({ home, clock, log, env, lookMs = 250 }: ConfigOptions) {
  const path = join(home, fileName);
  const keptPath = `${path}.last-good`;
  const declarations = new Map<string, Declaration>();
  const listeners = new Map<string, Set<(value: unknown) => void | Promise<void>>>();
  let disk = readSafely(path);
  /** The text in force from the moment on that `watch` was called; before that it is chosen anew at each declaration. */
  let settled: { readonly text: string | undefined } | undefined;
  let snapshot: Snapshot | undefined;
  let sections: ReadonlyMap<string, Json> = new Map();
  let writing: Promise<unknown> = Promise.resolve();

  function readSafely(file: string): { readonly text: string | undefined; readonly problem?: ConfigIssue } {
    try {
      return { text: readText(file) };
    } catch (error) {
      return { text: undefined, problem: { level: "error", path: "", message: errorMessage(error) } };
    }
  }

  const of = (text: string | undefined): Computed => compute(text, declarations, env);

  function current(): Snapshot {
    if (snapshot) return snapshot;
    const fromDisk = of(disk.text);
    const issues = disk.problem ? [disk.problem] : fromDisk.issues;
    if (settled) return publish(settled.text, settled.text === disk.text ? fromDisk : of(settled.text), issues, fromDisk.written);
    const kept = readSafely(keptPath).text;
    const fromKept = isSound(issues) || kept === undefined ? undefined : of(kept);
    return fromKept?.valid ? publish(kept, fromKept, issues, fromDisk.written) : publish(disk.text, fromDisk, issues, fromDisk.written);
  }

  function publish(
    text: string | undefined,
    { value, sections: computed }: Computed,
    issues: readonly ConfigIssue[],
    written: JsonObject | undefined,
  ): Snapshot {
    sections = computed;
    snapshot = {
      value,
      written,
      raw: disk.text,
      hash: hashOf(disk.text),
      appliedHash: hashOf(text),
      issues,
      path,
      source: text === undefined ? "defaults" : text === disk.text ? "file" : "kept",
    };
    return snapshot;
  }

  /** Puts a text without errors in force and tells whom it concerns. */
  function apply(text: string | undefined): Snapshot {
    const before = current();
    const oldSections = sections;
    if (settled) settled = { text };
    snapshot = undefined;
    const next = current();
    for (const [key, interested] of listeners) {
      const isWhole = key === "";
      if (isWhole ? before.appliedHash === next.appliedHash : Bun.deepEquals(read(key, before, oldSections), read(key, next, sections)))
        continue;
      for (const listener of interested) void tell(listener, key, isWhole ? next : read(key, next, sections));
    }
    return next;
  }

  async function tell(listener: (value: unknown) => void | Promise<void>, key: string, value: unknown): Promise<void> {
    try {
      await listener(value);
    } catch (error) {
      log.error("config.listener_failed", { path: key, error: errorMessage(error) });
    }
  }

  const read = (key: string, from: Snapshot, table: ReadonlyMap<string, Json>): Json | undefined =>
    at(from.value, key.split(".")) ?? table.get(key);

  /** Reads the file again. With an error in it, what is in force stays, and the issues say where the error is. */
  async function reload(): Promise<Snapshot> {
    const found = readSafely(path);
    if (found.text === disk.text && !found.problem === !disk.problem) return current();
    current();
    const computed = of(found.text);
    disk = found;
    if (!found.problem && computed.valid) {
      const next = apply(found.text);
      log.info("config.applied", { path, hash: next.hash, warnings: next.issues.map(describeIssue) });
      await keep();
      return next;
    }
    snapshot = undefined;
    const next = current();
    log.warn("config.refused", { path, kept: next.appliedHash, issues: next.issues.map(describeIssue) });
    return next;
  }

  async function keep(): Promise<void> {
    const { raw, source } = current();
    if (raw === undefined || source !== "file" || !isSound(current().issues)) return;
    if (readSafely(keptPath).text !== raw)
      await writeText(keptPath, raw).catch((error) => log.warn("config.keep_failed", { error: errorMessage(error) }));
  }

  /**
   * Writes and applies a change. Throws `CONFIG_STALE` when the file is not the one that the caller read, `CONFIG_INVALID` when the
   * outcome has an error or a key that nobody knows; then nothing has changed.
   */
  function write({ baseHash, edit }: Edit): Promise<Snapshot> {
    const run = async (): Promise<Snapshot> => {
      const before = await reload();
      if (baseHash !== undefined && baseHash !== before.hash) throw configErrors.CONFIG_STALE();
      const text = edit(before);
      if (text.length > sizeLimit) throw configErrors.CONFIG_INVALID("nothing was changed: the text is larger than 1 MiB");
      const computed = of(text);
      const known = new Set(before.issues.map(({ path: where }) => where));
      const unwelcome = computed.issues.filter((issue) => issue.level === "error" || !known.has(issue.path));
      if (unwelcome.length > 0) throw invalid(unwelcome);
      if (text === before.raw) return before;
      await writeText(path, text);
      disk = { text };
      const next = apply(text);
      await keep();
      return next;
    };
    const written = writing.then(run, run);
    writing = written.catch(() => undefined); // silent-ok: the caller is told; the next write starts afresh
    return written;
  }

  return {
    path,
    current,
    reload,

    /** Until disposed, `owner` says what stands at the dotted path. Throws `CONFIG_PATH_TAKEN`, `CONFIG_SCHEMA_UNSUPPORTED`. */
    declare(dotted: string, schema: TSchema, owner: string): Disposable {
      const taken = declarations.get(dotted);
      if (taken && taken.owner !== owner)
        throw configErrors.CONFIG_PATH_TAKEN(`${owner} declares ${dotted}, which belongs to ${taken.owner}`);
      const declaration: Declaration = { path: dotted.split("."), shape: schema as Shape, owner };
      checkShape(declaration.shape, declaration.path);
      declarations.set(dotted, declaration);
      snapshot = undefined;
      return {
        [Symbol.dispose]() {
          if (declarations.get(dotted) !== declaration) return;
          declarations.delete(dotted);
          snapshot = undefined;
        },
      };
    },

    /** An outer one before those inside it. */
    declarations: (): readonly Declaration[] => [...declarations.values()].sort((a, b) => a.path.length - b.path.length),
    isSensitive: (where: Path): boolean => isSensitive(where, shapeAt(declarations, where)),

    /** The present value at a path, with defaults, read at each call. */
    section<T>(dotted: string): () => T {
      return () => {
        const now = current();
        return read(dotted, now, sections) as T;
      };
    },

    /** Whether the file says anything at the path. */
    isSet: (dotted: string): boolean => at(current().written, dotted.split(".")) !== undefined,

    /** Called after a change of what stands at the path; at `""` with the snapshot, after any change. A listener that throws is logged. */
    onChange(dotted: string, listener: (value: unknown) => void | Promise<void>): Disposable {
      const interested = listeners.get(dotted) ?? new Set();
      listeners.set(dotted, interested.add(listener));
      return { [Symbol.dispose]: () => void interested.delete(listener) };
    },

    /**
     * Follows the file until disposed. It is looked at rather than watched: a watch of the home would wake for every commit of the store
     * beside it, and network file systems do not tell.
     */
    watch(): Disposable {
      const { source, raw } = current();
      settled = { text: source === "kept" ? readSafely(keptPath).text : raw };
      void keep();
      let seen = "";
      let loaded = "";
      return clock.every(lookMs, async () => {
        const now = await fingerprint(path);
        // Editors write in several steps: what has just changed is read when it has been quiet for one look.
        const isQuiet = now === seen;
        seen = now;
        if (!isQuiet || now === loaded) return;
        loaded = now;
        await reload();
      });
    },

    write,

    /** Writes and applies what stands at a path, comments kept; `undefined` removes it. Throws as `write` does. */
    set: (where: Path, value: Json | undefined): Promise<Snapshot> =>
      write({ baseHash: undefined, edit: ({ raw = "{}", written }) => editJson5(raw, put(written, where, value)) }),
  };
}
