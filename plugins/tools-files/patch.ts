import { textOutcome } from "@pincer/plugin-sdk/contracts/tool";
import { Type } from "@sinclair/typebox";
import { openText } from "./edit.ts";
import type { FileTool, Workspace } from "./file-tool.ts";
import { isUnchanged, type Place, Refusal, remove, replace, type Staged, stage } from "./root.ts";
import { encode, lineEnding, shownPath } from "./text.ts";
import { applyHunks, type FileDiff, parseDiff } from "./unified-diff.ts";

const PatchArguments = Type.Object({ patch: Type.String({ description: "Unified diff; /dev/null makes or deletes a file." }) });

export interface Change {
  readonly place: Place;
  readonly letter: "A" | "M" | "D";
  /** Undefined: the file goes. */
  readonly bytes: Uint8Array | undefined;
  /** To put back when a later change fails; undefined: the file was not there. */
  readonly before: Uint8Array | undefined;
}

async function prepare({ from, to, hunks }: FileDiff, { root, settings }: Workspace): Promise<Change[]> {
  if (from === undefined) {
    const place = await root.place(to!, true);
    if (place.stats) {
      await place[Symbol.asyncDispose]();
      throw new Refusal(`${to} exists already, but the patch makes it; patch it as --- a/${to}`);
    }
    const bytes = Buffer.from(applyHunks(to!, "", hunks, "\n"));
    return [{ place, letter: "A", bytes, before: undefined }];
  }
  const { place, text } = await openText(root, from, settings.readBytes);
  try {
    const before = encode(text.text, text.encoding);
    const changed = applyHunks(from, text.text, hunks, lineEnding(text.text));
    if (to === undefined && changed !== "")
      throw new Refusal(`the patch deletes ${from}, but its hunks leave text in it; list every line as removed`);
    const bytes = encode(changed, text.encoding);
    if (bytes.length > settings.writeBytes) {
      throw new Refusal(`${to} would have ${bytes.length} bytes, more than the ${settings.writeBytes} that can be written`);
    }
    if (to === undefined) return [{ place, letter: "D", bytes: undefined, before }];
    if (to === from) return [{ place, letter: "M", bytes, before }];
    const target = await root.place(to, true);
    if (target.stats) {
      await target[Symbol.asyncDispose]();
      throw new Refusal(`${to} exists already, so that ${from} cannot be renamed to it`);
    }
    return [
      { place: target, letter: "A", bytes, before: undefined },
      { place, letter: "D", bytes: undefined, before },
    ];
  } catch (error) {
    await place[Symbol.asyncDispose]();
    throw error;
  }
}

/** Undoes what was done before a later change failed. */
async function putBack({ place, before }: Change, root: Workspace["root"]): Promise<void> {
  await using now = await root.place(place.path, true);
  if (before !== undefined) await replace(now, before, new AbortController().signal);
  else if (now.stats) await remove(now);
}

/** Throws when one change fails, with the others undone. */
export async function applyAll(changes: readonly Change[], { root, signal }: Workspace): Promise<void> {
  const staged = new Map<Change, Staged>();
  const done: Change[] = [];
  try {
    for (const change of changes) if (change.bytes) staged.set(change, await stage(change.place, change.bytes));
    for (const { place } of changes) {
      if (!(await isUnchanged(place))) throw new Refusal(`${place.path} was changed by somebody else in the meantime; read it again`);
    }
    signal.throwIfAborted();
    for (const change of changes) {
      const ready = staged.get(change);
      staged.delete(change);
      await (ready ? ready.commit() : remove(change.place));
      done.push(change);
    }
  } catch (error) {
    for (const ready of staged.values()) await ready.discard();
    for (const change of done.reverse()) await putBack(change, root);
    throw error;
  }
}

export const patch: FileTool<typeof PatchArguments> = {
  name: "patch",
  summary: "Apply a unified diff to one or more files: all of it, or nothing.",
  access: "write",
  parameters: PatchArguments,
  async run(args, workspace) {
    const diffs = parseDiff(args.patch);
    const names = diffs.flatMap(({ from, to }) => (from === to ? [from] : [from, to].filter((name) => name !== undefined)));
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new Refusal(`${twice} is in the patch twice; put all its hunks under one header`);
    const changes: Change[] = [];
    try {
      for (const diff of diffs) changes.push(...(await prepare(diff, workspace)));
      await applyAll(changes, workspace);
    } catch (error) {
      for (const { place } of changes) await workspace.root.unmake(place.made);
      if (error instanceof Refusal) throw new Refusal(`nothing was changed: ${error.message}`);
      throw error;
    } finally {
      for (const { place } of changes) await place[Symbol.asyncDispose]();
    }
    const files = changes.map(({ letter, place }) => `${letter} ${shownPath(place.path)}`);
    return textOutcome(files.join("\n"), { files });
  },
};
