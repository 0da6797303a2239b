/** The steps of an installation. What fails, or is interrupted, leaves what was there before. */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { exchange } from "@pincer/plugin-kit/packages/stage";
import { packagesFolder, removeDependencies } from "@pincer/plugin-kit/runnable";
import { errorMessage, hasCode } from "@pincer/plugin-sdk/error";
import { isObject, valueAt } from "@pincer/plugin-sdk/json5";
import { configPathOf } from "@pincer/plugin-sdk/manifest";
import { revokedFileOf } from "@pincer/plugin-sdk/revoked";
import type { PackageName } from "@pincer/registry/name";
import { clientErrors } from "../../errors.ts";
import { keepArchive, sweepArchives } from "../home/cache.ts";
import { folderOf, point, pointedAt, settle, stagingOf, versionsOf } from "../home/layout.ts";
import { leftOf, removeKept } from "../home/left.ts";
import { type LockEntry, readLock, withEntry, writeLock } from "../home/lock.ts";
import { driftIn, record, shownDrift } from "../home/record.ts";
import type { Change } from "../home/settings.ts";
import { withTree } from "../home/tree.ts";
import { isUnchanged } from "../home/unchanged.ts";
import type { Step, StepOf } from "../plan/step.ts";
import { type Surroundings, teller } from "../surroundings.ts";
import { asideIn, type Begun, begin, complete, end, takeBack } from "./journal.ts";
import type { Ready } from "./ready.ts";

export async function applyStep(surroundings: Surroundings, step: Step, ready: Ready, signal: AbortSignal): Promise<void> {
  switch (step.do) {
    case "place":
      return place(surroundings, step, ready, signal);
    case "enable":
      return enable(surroundings, step, ready, signal);
    case "disable":
      return disable(surroundings, step, signal);
    case "remove":
      return remove(surroundings, step, signal);
    case "forget":
      return forget(surroundings, step, signal);
    case "nothing":
      return undefined;
  }
}

/** What it takes that it runs, and confined: nobody but the operator trusts it any further, and then he says so himself. */
async function settingsFor({ settings }: Surroundings, { kind, id }: PackageName, signal: AbortSignal): Promise<readonly Change[]> {
  if (kind !== "plugins") return [];
  const written = valueAt(await settings.read(signal), ["plugins", id]);
  const said = isObject(written) ? written : {};
  const isolated = said["isolation"] !== undefined || said["unsandboxed"] === true;
  return [
    ...(said["enabled"] === undefined ? [[["plugins", id, "enabled"], true] as const] : []),
    ...(isolated ? [] : [[["plugins", id, "isolation"], "process"] as const]),
  ];
}

async function undoOf({ settings }: Surroundings, changes: readonly Change[], signal: AbortSignal): Promise<Begun["undo"]> {
  const written = await settings.read(signal);
  // Of a section that was not there, nothing is to stay: an empty one would be one that nobody knows.
  return changes.map(([path]) => {
    const section = path.findIndex((_step, index) => index > 0 && valueAt(written, path.slice(0, index + 1)) === undefined);
    const at = section < 0 ? path : path.slice(0, section + 1);
    return [at, valueAt(written, at) ?? null];
  });
}

async function place(
  surroundings: Surroundings,
  { name, entry: planned, files, isSigned, isFrozen }: StepOf<"place">,
  ready: Ready,
  signal: AbortSignal,
): Promise<void> {
  const { home, settings, running } = surroundings;
  const tell = teller(surroundings, name.id);
  const tree = ready.trees.get(planned.digest);
  const entry = isFrozen ? planned : withTree(planned, tree);
  const isFirst = pointedAt(home, name, "current") === undefined;
  const changes = isFirst ? await settingsFor(surroundings, name, signal) : [];
  const isFirstHere = isFirst && name.kind === "plugins" && !leftOf(home, name.id);
  const begun: Begun = { name, entry, data: isFirstHere, undo: await undoOf(surroundings, changes, signal) };
  begin(home, begun);
  try {
    const target = folderOf(home, name, entry.digest);
    const staged = ready.folders.get(entry.digest);
    signal.throwIfAborted();
    tell("placing");
    mkdirSync(versionsOf(home, name), { recursive: true, mode: 0o755 });
    point(home, name, "next", entry.digest);
    if (isSigned) rmSync(revokedFileOf(target), { force: true });
    if (staged === undefined || tree === undefined) await requireUnchanged(target, entry);
    else {
      // It has waited for its turn, and whoever runs as this user may write there.
      if (!isUnchanged(staged, entry.digest))
        throw clientErrors.REGISTRY_CLIENT_DRIFT(`${staged} is not what was laid out there: does somebody else write in ${home}?`);
      record(target, tree);
      exchange(staged, target, asideIn(home)); // for what somebody left who was interrupted, or changed
    }
    if (name.kind === "plugins") await running?.refresh(signal);
    tell("configuring");
    await settings.change(changes, signal);
    if (name.kind === "plugins" && running) {
      tell("trying");
      // What is turned off is not tried, and stays off.
      await running.reload(name.id, signal).catch((error) => {
        if (isFirst || !hasCode(error, "PLUGIN_DISABLED")) throw error;
      });
    }
    settle(home, name);
  } catch (error) {
    await takeBack(surroundings, begun, signal.aborted ? new AbortController().signal : signal);
    end(home);
    tell("undone", errorMessage(error));
    signal.throwIfAborted();
    throw clientErrors.REGISTRY_CLIENT_ROLLED_BACK(
      `${name.id} ${entry.version} was rolled back, and ${isFirst ? "is not installed" : "the version before goes on"}: ${errorMessage(error)}`,
      { cause: error },
    );
  }
  tell("settled");
  complete(home, begun);
  tell("locked");
  if (files) keepArchive(home, entry.digest, files);
  sweepArchives(home, readLock(home));
  end(home);
  tell("done");
}

async function requireUnchanged(folder: string, entry: LockEntry): Promise<void> {
  const drift = await driftIn(folder, entry);
  if (drift.length > 0)
    throw clientErrors.REGISTRY_CLIENT_DRIFT(`${folder} is not version ${entry.version} as it was installed: ${shownDrift(drift)}`);
}

async function enable(
  surroundings: Surroundings,
  { plugin, entry, isFrozen, isMended }: StepOf<"enable">,
  ready: Ready,
  signal: AbortSignal,
): Promise<void> {
  const { home, settings, running } = surroundings;
  const name: PackageName = { kind: "plugins", id: plugin.id };
  const tell = teller(surroundings, plugin.id);
  const at = ["plugins", plugin.id, "enabled"] as const;
  const before = valueAt(await settings.read(signal), at);
  tell("configuring");
  const [staged, tree] = [ready.folders.get(entry.digest), ready.trees.get(entry.digest)];
  const own = packagesFolder(plugin.folder, home);
  if (own !== undefined && tree) record(own, tree);
  if (own !== undefined && staged !== undefined) exchange(staged, own, asideIn(home));
  if (running) {
    try {
      await running.setEnabled(plugin.id, true, signal);
      tell("trying");
      if (isMended) await running.reload(plugin.id, signal);
      const trouble = await running.trouble(plugin.id, signal);
      if (trouble !== undefined) throw new Error(trouble);
    } catch (error) {
      await settings.change([[at, before]], signal);
      tell("undone", errorMessage(error));
      throw clientErrors.REGISTRY_CLIENT_ROLLED_BACK(`${plugin.id} was turned off again: ${errorMessage(error)}`, { cause: error });
    }
  } else await settings.change([[at, true]], signal);
  writeLock(home, withEntry(readLock(home), name, isFrozen ? entry : withTree(entry, tree)));
  tell("done");
}

async function disable(surroundings: Surroundings, { plugin, data }: StepOf<"disable">, signal: AbortSignal): Promise<void> {
  const { home, settings, running } = surroundings;
  const tell = teller(surroundings, plugin.id);
  tell("removing");
  if (running) await running.setEnabled(plugin.id, false, signal);
  else await settings.change([[["plugins", plugin.id, "enabled"], false]], signal);
  removeDependencies(plugin.folder, home);
  if (data) removeKept(home, plugin.id);
  writeLock(home, withEntry(readLock(home), { kind: "plugins", id: plugin.id }, undefined));
  if (data) await running?.refresh(signal);
  tell("done");
}

async function remove(surroundings: Surroundings, { name, data, manifest }: StepOf<"remove">, signal: AbortSignal): Promise<void> {
  const { home, settings, running } = surroundings;
  const tell = teller(surroundings, name.id);
  const sections = name.kind === "plugins" ? [["plugins", name.id], ...(manifest ? [configPathOf(manifest).split(".")] : [])] : [];
  const changes = sections.map((path): Change => [path, undefined]);
  const begun: Begun = { name, entry: null, data, undo: await undoOf(surroundings, changes, signal) };
  tell("removing");
  begin(home, begun);
  try {
    if (name.kind === "plugins") await running?.setEnabled(name.id, false, signal);
    tell("configuring");
    await settings.change(changes, signal);
    const aside = join(stagingOf(home), "removed");
    if (existsSync(versionsOf(home, name))) renameSync(versionsOf(home, name), aside);
  } catch (error) {
    await takeBack(surroundings, begun, signal);
    end(home);
    tell("undone", errorMessage(error));
    throw error;
  }
  tell("settled");
  complete(home, begun);
  if (name.kind === "plugins") await running?.refresh(signal);
  sweepArchives(home, readLock(home));
  end(home);
  tell("done");
}

async function forget(surroundings: Surroundings, { id }: StepOf<"forget">, signal: AbortSignal): Promise<void> {
  const tell = teller(surroundings, id);
  tell("removing");
  removeKept(surroundings.home, id);
  await surroundings.running?.refresh(signal);
  tell("done");
}
