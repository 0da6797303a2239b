/** The gateway's configuration: one immutable snapshot at a time, from `pincer.json5` in the home, applied while everything runs. */
import { join } from "node:path";
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { checkShape } from "@pincer/plugin-sdk/config-fit";
import { type ConfigIssue, configErrors } from "@pincer/plugin-sdk/contracts/configuration";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { type Json, type JsonObject, putAt, valueAt } from "@pincer/plugin-sdk/json5";
import { editJson5 } from "@pincer/plugin-sdk/json5-edit";
import { createQueue } from "@pincer/plugin-sdk/queue";
import { secretsIn } from "@pincer/plugin-sdk/redact";
import { isSecret, isSensitive } from "@pincer/plugin-sdk/sensitive";
import { type Path, type Shape, shapesAt } from "@pincer/plugin-sdk/shape";
import type { TSchema } from "@sinclair/typebox";
import { replaceFile } from "../../store/private-file.ts";
import type { Environment } from "./environment.ts";
import { type FileText, fingerprint, readText, sizeLimit } from "./file.ts";
import { compute, type Declaration, isSound, type Sections, sectionsOf } from "./snapshot.ts";

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
  /** What the text in force says, references put in, and nobody's defaults. */
  readonly said: JsonObject;
  readonly issues: readonly ConfigIssue[];
  /** Where `value` comes from. `kept`: the file has an error, and the last good text is in force. */
  readonly source: "file" | "kept" | "defaults";
}

interface ConfigOptions {
  readonly home: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly env: Environment;
  /** Between two looks at the file. */
  readonly lookMs?: number;
  /** What hashes are made with, so that nobody who knows the file but for a password can try passwords on them. Absent: good for this run. */
  readonly hashKey?: Uint8Array;
  /** Told of each secret, so that it appears in no log line, before anybody is given the value that it stands in. */
  readonly hide?: (secret: string) => void;
}

/** A change of the file; `edit` answers the whole new text. */
export interface Edit {
  readonly baseHash: string | undefined;
  edit(present: Snapshot): string;
}

type Listener = (value: unknown) => void | Promise<void>;
export type Config = ReturnType<typeof createConfig>;

export const describeIssue = ({ path, message, line, column }: ConfigIssue): string =>
  path === "" ? message : `${path}${line === undefined ? "" : ` (line ${line}, column ${column})`}: ${message}`;

/** Reads the file at once; a file with errors never throws. Declare everything, then `watch`. */
export function createConfig(options: ConfigOptions) {
  const { home, clock, log, env, lookMs = 250, hide, hashKey = crypto.getRandomValues(new Uint8Array(32)) } = options;
  const hashOf = (text = "") => new Bun.CryptoHasher("sha256", hashKey).update(text).digest("hex");
  const path = join(home, "pincer.json5");
  const keptPath = `${path}.last-good`;
  /** By dotted path. */
  const declared = new Map<string, Declaration>();
  const listeners = new Set<{ readonly dotted: string; readonly listener: Listener }>();
  let disk = readText(path);
  /** In force from the moment on that `watch` was called; before, it is chosen anew at each declaration: only all of them can judge a text. */
  let settled: FileText | undefined;
  /** What the three above come to, made when it is asked for. */
  let present: { readonly sections: Sections; readonly inForce: FileText; readonly snapshot: Snapshot } | undefined;
  const inTurn = createQueue();

  function now() {
    if (present) return present;
    const sections = sectionsOf(declared.values());
    const fromDisk = compute(disk, sections, env);
    let inForce = settled ?? disk;
    if (!settled && !isSound(fromDisk.issues)) {
      const kept = readText(keptPath);
      if (kept.text !== undefined && isSound(compute(kept, sections, env).issues)) inForce = kept;
    }
    const { text } = inForce;
    const { value, said } = text === disk.text ? fromDisk : compute(inForce, sections, env);
    /** Unlike `isSecret` it asks for a sign: what nobody declares may be any word, and would be blotted out in every line. */
    const isTelling = (where: Path) => [undefined, ...shapesAt(sections.root, where)].some((shape) => isSensitive(where, shape));
    // Defaults stand in manifests that everybody may read: to look through them for secrets would take a tenth of a start.
    if (hide) for (const found of secretsIn(said, isTelling)) hide(found);
    const snapshot: Snapshot = {
      value,
      written: fromDisk.written,
      said,
      raw: disk.text,
      hash: hashOf(disk.text),
      appliedHash: hashOf(text),
      issues: fromDisk.issues,
      source: text === undefined ? "defaults" : text === disk.text ? "file" : "kept",
    };
    present = { sections, inForce, snapshot };
    return present;
  }
  const current = (): Snapshot => now().snapshot;

  /** Remembers a good text for a start at which the file is not. */
  async function keep({ raw, source, issues }: Snapshot): Promise<void> {
    if (raw === undefined || source !== "file" || !isSound(issues) || readText(keptPath).text === raw) return;
    await replaceFile(keptPath, raw).catch((error) => log.warn("config.keep_failed", { error: errorMessage(error) }));
  }

  /** Reads the file again and tells whom a change concerns. With an error in it, what is in force stays, and the issues say where it is. */
  async function reload(): Promise<Snapshot> {
    const { snapshot: before, sections } = now();
    const found = readText(path);
    if (found.text === disk.text && !found.problem === !disk.problem) return before;
    const isGood = isSound(compute(found, sections, env).issues);
    disk = found;
    if (settled && isGood) settled = found;
    present = undefined;
    const next = current();
    const issues = next.issues.map(describeIssue);
    if (!isGood) {
      log.warn("config.refused", { path, kept: next.appliedHash, issues });
      return next;
    }
    log.info("config.applied", { path, hash: next.hash, warnings: issues });
    for (const { dotted, listener } of listeners) {
      const [was, is] = [before, next].map(({ value }) => valueAt(value, stepsOf(dotted)));
      if (dotted === "" ? before.appliedHash === next.appliedHash : Bun.deepEquals(was, is)) continue;
      const failed = (error: unknown) => log.error("config.listener_failed", { path: dotted, error: errorMessage(error) });
      void Promise.try(listener, is).catch(failed);
    }
    await keep(next);
    return next;
  }

  /**
   * Writes and applies a change. Throws `CONFIG_STALE` when the file is not the one that the caller read, `CONFIG_INVALID` when the
   * outcome has an error or a key that nobody knows; then nothing has changed.
   */
  const write = ({ baseHash, edit }: Edit): Promise<Snapshot> =>
    inTurn(async () => {
      const before = await reload();
      if (baseHash !== undefined && baseHash !== before.hash) throw configErrors.CONFIG_STALE();
      const text = edit(before);
      if (Buffer.byteLength(text) > sizeLimit) throw configErrors.CONFIG_INVALID("nothing was changed: the text is larger than 1 MiB");
      const known = new Set(before.issues.map(({ path: where }) => where));
      const { issues } = compute({ text }, now().sections, env, []); // by itself: a variable that wins now may be gone next time
      const unwelcome = issues.filter((issue) => issue.level === "error" || !known.has(issue.path));
      if (unwelcome.length > 0) {
        const said = unwelcome.map(describeIssue).join("; ");
        throw configErrors.CONFIG_INVALID(`nothing was changed: ${said}`, { data: { issues: unwelcome } });
      }
      if (text === before.raw) return before;
      await replaceFile(path, text).catch((error) => {
        throw configErrors.CONFIG_WRITE_FAILED(`${path} could not be written: ${errorMessage(error)}`, { cause: error });
      });
      return reload();
    });

  return {
    path,
    current,
    reload,
    write,

    /** Writes and applies what stands at a path, comments kept; `undefined` removes it. Throws as `write` does. */
    set: (where: Path, value: Json | undefined): Promise<Snapshot> =>
      write({ baseHash: undefined, edit: ({ raw = "{}", written }) => editJson5(raw, putAt(written, where, value)) }),

    /** Until disposed, `owner` says what stands at the dotted path. Throws `CONFIG_PATH_TAKEN`, `CONFIG_SCHEMA_UNSUPPORTED`. */
    declare(dotted: string, schema: TSchema, owner: string): Disposable {
      const taken = declared.get(dotted);
      if (taken && taken.owner !== owner)
        throw configErrors.CONFIG_PATH_TAKEN(`${owner} declares ${dotted}, which belongs to ${taken.owner}`);
      const declaration: Declaration = { path: stepsOf(dotted), shape: schema as Shape, owner };
      checkShape(declaration.shape, declaration.path);
      declared.set(dotted, declaration);
      present = undefined;
      return {
        [Symbol.dispose]() {
          if (declared.get(dotted) === declaration && declared.delete(dotted)) present = undefined;
        },
      };
    },

    /** Everything that is declared, as one schema. */
    schema: (): Shape => now().sections.root,
    isSecret: (where: Path, value: Json): boolean => isSecret(where, value, shapesAt(now().sections.root, where)),

    /** The present value at a path, with defaults, read at each call. */
    section<T>(dotted: string): () => T {
      const where = stepsOf(dotted);
      let of: Snapshot | undefined;
      let value: unknown;
      return () => {
        const snapshot = current();
        if (snapshot !== of) [of, value] = [snapshot, valueAt(snapshot.value, where)];
        return value as T;
      };
    },

    /** Whether the file says anything at the path. */
    isSet: (dotted: string): boolean => valueAt(current().written, stepsOf(dotted)) !== undefined,

    /** Called after a change of what stands at the path; at `""`, after any change of the file. A listener that throws is logged. */
    onChange(dotted: string, listener: Listener): Disposable {
      const interested = { dotted, listener };
      listeners.add(interested);
      return { [Symbol.dispose]: () => void listeners.delete(interested) };
    },

    /**
     * Follows the file until disposed. It is looked at rather than watched: a watch of the home would wake for every commit of the store
     * beside it, and network file systems do not tell.
     */
    watch(): Disposable {
      settled = now().inForce;
      void keep(current());
      let seen = "";
      let loaded = "";
      return clock.every(lookMs, async () => {
        const found = await fingerprint(path);
        // Editors write in several steps: what has just changed is read when it has been quiet for one look.
        const isQuiet = found === seen;
        seen = found;
        if (!isQuiet || found === loaded) return;
        loaded = found;
        await reload();
      });
    },
  };
}

const stepsOf = (dotted: string): Path => (dotted === "" ? [] : dotted.split("."));
